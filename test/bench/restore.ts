import { readApplied } from '../../src/agent/sync.ts';
import { exec } from '../../src/kernel/exec.ts';
import { createIptables, type Iptables } from '../../src/kernel/iptables.ts';
import { findPrograms, type IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { ObjectChange } from '../../src/model/change.ts';
import { restoreLines, type Transactions } from '../../src/rules/iptables/plan/restore.ts';
import type { Step } from '../../src/rules/plan.ts';
import {
  type BenchService,
  benchServices,
  type Cluster,
  changeOf,
  changesOf,
  createCluster,
  movedSlice,
} from './cluster.ts';
import { type Spread, spreadOf, timed } from './figures.ts';
import { flatChange, flatDispatch } from './flat.ts';
import { watchingLoop } from './loop.ts';
import { watchingPrograms } from './memory.ts';
import { type Planned, planFully, planNext } from './rules.ts';

export type Shape = 'tree' | 'flat';

export interface RestoreJob {
  readonly kind: 'restore';
  readonly variant: IptablesVariant;
  readonly services: number;
  /** `tree`: as nodeplane lays out. `flat`: kube-proxy's list. */
  readonly shape: Shape;
  readonly transactions: Transactions;
  /** A first load that takes longer is given up. */
  readonly timeoutSeconds: number;
  /** So many single changes; 0: the first load is all that is asked. */
  readonly changes: number;
}

/** Milliseconds, and MB of iptables-restore (of iptables-save for the restart, when that needs more). */
export interface RestoreFigures {
  /** Undefined: it was given up. */
  readonly load: number | undefined;
  readonly loadMb: number;
  readonly lines: number;
  readonly bytes: number;
  readonly change: Spread | undefined;
  readonly changeLines: number;
  readonly restart: Restart | undefined;
}

/** The start of an agent whose rules are there already, one endpoint having moved meanwhile. */
interface Restart {
  /** iptables-save, its text read as it comes. */
  readonly read: number;
  readonly plan: number;
  readonly restore: number;
  readonly total: number;
  /** For how long the event loop was held at worst. */
  readonly longestBlock: number;
  readonly programMb: number;
}

export async function measureRestore(job: RestoreJob): Promise<RestoreFigures> {
  const iptables = await openIptables(job.variant, job.timeoutSeconds);
  const services = benchServices(job.services);
  const cluster = createCluster();
  await cluster.take(changesOf(services));
  const planned = await planFully(cluster.snapshot());
  const steps = job.shape === 'flat' ? flatDispatch(planned.layout, planned.plan.steps) : planned.plan.steps;
  const { lines, bytes } = sizeOf(steps, job.transactions);
  const loaded = await watchingPrograms(() => timed(() => load(iptables, steps, job)));
  const none = { change: undefined, changeLines: 0, restart: undefined };
  const load1 = {
    load: loaded.value.value ? loaded.value.ms : undefined,
    loadMb: loaded.peakMb,
    lines,
    bytes,
  };
  if (!loaded.value.value || job.changes === 0) return { ...load1, ...none };
  const changed = await measureChanges(iptables, job, services, cluster, planned);
  const restart = job.shape === 'tree' ? await measureRestart(iptables, job, services, cluster) : undefined;
  return { ...load1, ...changed, restart };
}

/** The programs of this network namespace. */
export async function openIptables(variant: IptablesVariant, timeoutSeconds = 300): Promise<Iptables> {
  const { programs } = await findPrograms(exec);
  const found = programs.find((each) => each.variant === variant);
  if (found === undefined) throw new Error(`iptables-${variant} is not installed`);
  return createIptables({
    exec,
    programs: found,
    family: 'IPv4',
    timeoutMilliseconds: timeoutSeconds * 1000,
  });
}

/** Whether it was done in time. */
async function load(iptables: Iptables, steps: readonly Step[], job: RestoreJob): Promise<boolean> {
  const started = performance.now();
  try {
    await iptables.restore(restoreLines(steps, job.transactions));
    return true;
  } catch (thrown) {
    if (performance.now() - started < job.timeoutSeconds * 1000) throw thrown;
    return false;
  }
}

/** From the decoded change to the end of iptables-restore. */
async function measureChanges(
  iptables: Iptables,
  { changes, transactions, shape }: RestoreJob,
  services: readonly BenchService[],
  cluster: Cluster,
  before: Planned,
): Promise<Pick<RestoreFigures, 'change' | 'changeLines'>> {
  let standing = before;
  let changeLines = 0;
  const times: number[] = [];
  for (let number = 0; number < changes; number++) {
    const change = moved(services, number);
    const { value, ms } = await timed(async () => {
      await cluster.take([change]);
      const next = planNext(cluster.snapshot(), standing);
      const steps = shape === 'flat' ? flatChange(next.layout, next.plan.steps) : next.plan.steps;
      await iptables.restore(restoreLines(steps, transactions));
      return { next, steps };
    });
    standing = value.next;
    changeLines = sizeOf(value.steps, transactions).lines;
    times.push(ms);
  }
  return { change: spreadOf(times), changeLines };
}

async function measureRestart(
  iptables: Iptables,
  { changes, transactions }: RestoreJob,
  services: readonly BenchService[],
  cluster: Cluster,
): Promise<Restart> {
  await cluster.take([moved(services, changes)]);
  const restart = async () => {
    const read = await timed(() => readApplied(iptables, { family: 'IPv4', besideKubeProxy: false }));
    const planned = await timed(() => planFully(cluster.snapshot(), read.value.applied));
    const { steps } = planned.value.plan;
    if (steps.length > 20)
      throw new Error(`a restart would write ${steps.length} chains, not only what changed`);
    const restored = await timed(() => iptables.restore(restoreLines(steps, transactions)));
    const total = read.ms + planned.ms + restored.ms;
    return { read: read.ms, plan: planned.ms, restore: restored.ms, total };
  };
  const { value, peakMb } = await watchingPrograms(() => watchingLoop(restart));
  return { ...value.value, longestBlock: value.longestBlock, programMb: peakMb };
}

/** One endpoint of a Service far from the one before moves to another pod. */
function moved(services: readonly BenchService[], number: number): ObjectChange {
  const service = services[(number * 7919) % services.length];
  if (service === undefined) throw new Error('no services');
  return changeOf(JSON.stringify(movedSlice(service, number)));
}

function sizeOf(steps: readonly Step[], transactions: Transactions) {
  let lines = 0;
  let bytes = 0;
  for (const { text } of restoreLines(steps, transactions)) {
    lines += 1;
    bytes += text.length + 1;
  }
  return { lines, bytes };
}
