import { nothingApplied, settle } from '../../src/rules/iptables/plan/applied.ts';
import { restoreLines } from '../../src/rules/iptables/plan/restore.ts';
import {
  benchServices,
  type Cluster,
  changeOf,
  createCluster,
  movedSlice,
  sliceObject,
  textsOf,
} from './cluster.ts';
import { medianOf, type Spread, spreadOf, timed } from './figures.ts';
import { watchingLoop } from './loop.ts';
import { peakMemory, retainedHeap } from './memory.ts';
import { planNext, type Standing, stages } from './rules.ts';

/** Snapshot to Plan without effect: milliseconds, and MB of this process. */
export interface WalkFigures {
  /** JSON text to changes; not a part of the walk, but what comes before it. */
  readonly decode: number;
  readonly join: number;
  readonly decide: number;
  readonly layOut: number;
  readonly plan: number;
  /** The sum of the four above. */
  readonly total: number;
  /** The plan's lines made once, as happens while they are sent. */
  readonly render: number;
  /** For how long the event loop was held at worst during the four. */
  readonly longestBlock: number;
  readonly lines: number;
  readonly bytes: number;
  readonly peakMb: number;
  /** Of the heap, that which cluster and standing rules keep. */
  readonly retainedMb: number;
  readonly change: Spread;
  readonly changeLines: number;
  readonly changeBytes: number;
}

export interface WalkJob {
  readonly kind: 'walk';
  readonly services: number;
  /** So many single changes. */
  readonly changes: number;
}

export async function measureWalk({ services: count, changes }: WalkJob): Promise<WalkFigures> {
  const empty = retainedHeap();
  const cluster = createCluster();
  const { standing, ...full } = await measureFull(count, cluster);
  const { last, ...small } = await measureChanges(count, cluster, standing, changes);
  return { ...full, ...small, retainedMb: retainedOf(last, cluster, empty) };
}

async function measureFull(count: number, cluster: Cluster) {
  const decoded = await decodeAll(count);
  const { value, longestBlock } = await watchingLoop(async () => {
    const joined = await timed(() => cluster.take(decoded.value));
    const decided = await timed(() => stages.decide(cluster.snapshot()));
    const laidOut = await timed(() => stages.layOut(decided.value));
    const planned = await timed(() => stages.plan(laidOut.value, nothingApplied));
    return { joined, decided, laidOut, planned };
  });
  const { joined, decided, laidOut, planned } = value;
  const { lines, bytes } = planned.value.cost;
  const rendered = await timed(() => drain(restoreLines(planned.value.steps, 'one')));
  const applied = settle(nothingApplied, planned.value, laidOut.value);
  return {
    standing: { decided: decided.value, layout: laidOut.value, applied },
    decode: decoded.ms,
    join: joined.ms,
    decide: decided.ms,
    layOut: laidOut.ms,
    plan: planned.ms,
    total: joined.ms + decided.ms + laidOut.ms + planned.ms,
    render: rendered.ms,
    longestBlock,
    lines,
    bytes,
    peakMb: peakMemory('self'),
  };
}

/** By itself, so that the texts are not held any longer than a source would. */
function decodeAll(count: number) {
  const texts = textsOf(benchServices(count));
  return timed(() => texts.map(changeOf));
}

function drain(lines: Iterable<unknown>): void {
  for (const _ of lines);
}

/** Endpoints that move to another pod and back, each of a Service far from the one before. */
async function measureChanges(count: number, cluster: Cluster, before: Standing, changes: number) {
  const services = benchServices(count);
  let last = before;
  const times: number[] = [];
  const lines: number[] = [];
  const bytes: number[] = [];
  for (let number = 0; number < changes; number++) {
    const service = services[((number >> 1) * 7919) % services.length];
    if (service === undefined) continue;
    const object = number % 2 === 0 ? movedSlice(service, number) : sliceObject(service);
    const change = changeOf(JSON.stringify(object));
    const { value, ms } = await timed(async () => {
      await cluster.take([change]);
      return planNext(cluster.snapshot(), last);
    });
    const { plan, ...standing } = value;
    times.push(ms);
    lines.push(plan.cost.lines);
    bytes.push(plan.cost.bytes);
    last = standing;
  }
  return { last, change: spreadOf(times), changeLines: medianOf(lines), changeBytes: medianOf(bytes) };
}

/** Takes what is kept as arguments, so that it is in use until the heap has been measured. */
function retainedOf(standing: Standing, cluster: Cluster, empty: number): number {
  const kept = retainedHeap() - empty;
  return standing.layout.routes.routes.size === cluster.snapshot().servicePorts.size ? kept : Number.NaN;
}
