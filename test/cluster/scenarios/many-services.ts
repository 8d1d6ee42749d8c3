import { afterAll, beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import type { Cluster } from '../cluster.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import type { Bed } from './bed.ts';
import { startStreamsTo, untilMore } from './constant-streams.ts';
import { converge } from './convergence.ts';
import { savedRules } from './kernel-rules.ts';
import { deployment, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, podsOf } from './read.ts';
import { figures, type RunningStreams } from './streams.ts';
import { allReady, untilReady } from './waits.ts';

const count = 300;
const replicas = 3;
/** As many writers as there would be people and pipelines. */
const writers = 8;
const patienceMilliseconds = 90_000;
const places = nodeNames.flatMap((node) => families.map((family) => ({ node, family })));

/** They come and go beside `steady`, which has the same Pods and must not notice. */
export function manyServices(theBed: () => Bed): void {
  let cluster: Cluster;
  let traffic: RunningStreams;
  let before: readonly string[];

  beforeAll(async () => {
    const bed = theBed();
    cluster = bed.cluster;
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas }));
    await api.create(service({ name: 'steady', app: 'web', type: 'NodePort' }));
    await untilReady(api, 'web');
    await converge(cluster, 'steady', async () => undefined, allReady(replicas));
    await untilNoDifference(cluster);
    before = await rulesEverywhere(cluster);
    traffic = await startStreamsTo(cluster, 'steady', bed.inside, { everyMilliseconds: 200, kept: 1 });
  });
  afterAll(async () => {
    await traffic?.stop();
  });

  async function tell(what: string, since: number): Promise<void> {
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    await untilMore(traffic, 100);
    const totals = await traffic.count();
    console.log(`many Services: ${what}, ${seconds} s after the last request; of others ${figures(totals)}`);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  }

  it(`${count} come while others carry traffic`, async () => {
    const asked = performance.now();
    await atOnce((number) => cluster.api.create(oneOfMany(number)));
    const created = performance.now();
    await untilEndpointRules(cluster, count * replicas);
    await tell(`${count} created in ${Math.round(created - asked)} ms, all endpoints on all nodes`, created);
    await theyServe(theBed());
  });

  it('they go, and the kernel has nothing left of them', async () => {
    const asked = performance.now();
    await atOnce((number) => cluster.api.remove({ kind: 'Service', name: nameOf(number) }));
    const removed = performance.now();
    await untilRules(cluster, before);
    await tell(
      `${count} removed in ${Math.round(removed - asked)} ms, rules on all nodes as before`,
      removed,
    );
    await untilNoDifference(cluster);
  });
}

const nameOf = (number: number): string => `many-${number}`;
const typeOf = (number: number) =>
  number % 10 === 0 ? 'LoadBalancer' : number % 10 < 4 ? 'NodePort' : 'ClusterIP';

function oneOfMany(number: number): Json {
  return service({ name: nameOf(number), app: 'web', type: typeOf(number), ports: [{ port: 80 }] });
}

async function atOnce(request: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await request(next++);
  };
  await Promise.all(Array.from({ length: writers }, worker));
}

/** The last of each type, by what it is for. */
async function theyServe({ cluster, inside }: Bed): Promise<void> {
  const pods = await podsOf(cluster.api, 'web');
  const last = async (type: string) => {
    const numbers = Array.from({ length: count }, (_, number) => number);
    const found = numbers.findLast((number) => typeOf(number) === type);
    return addressesOf(cluster.api, nameOf(found ?? 0));
  };
  const { clusterIP } = await last('ClusterIP');
  const { nodePort } = await last('NodePort');
  const { balancer } = await last('LoadBalancer');
  const checks = families.flatMap((family) => [
    untilOutcomes(cluster, inside, { to: clusterIP[family], port: 80 }, pods),
    untilOutcomes(cluster, ['client'], { to: balancer[family], port: 80 }, pods),
    ...nodeNames.map((node) => {
      const to = cluster.network.address(node, family);
      return untilOutcomes(cluster, ['client'], { to, port: nodePort('TCP', 80) }, pods);
    }),
  ]);
  await Promise.all(checks);
}

/** Until each node has rules in both families to so many endpoints of them. */
async function untilEndpointRules(cluster: Cluster, wanted: number): Promise<void> {
  let last: readonly number[] = [];
  const what = () => `rules to ${wanted} endpoints on all nodes: ${last.join()}`;
  await until(what, patienceMilliseconds, async () => {
    last = await Promise.all(
      places.map(async ({ node, family }) => {
        const saved = await savedRules(cluster, node, family);
        return new Set(saved.match(/default\/many-\d+:tcp-80 -> [^"]+/g)).size;
      }),
    );
    return last.every((each) => each === wanted);
  });
}

/** All chains and rules, each with node and family before it. */
async function rulesEverywhere(cluster: Cluster): Promise<readonly string[]> {
  const saved = await Promise.all(
    places.map(async ({ node, family }) => {
      const lines = (await savedRules(cluster, node, family)).match(/^[:-].*$/gm) ?? [];
      return lines.map((line) => `${node} ${family} ${line.replace(/ \[\d+:\d+\]$/, '')}`);
    }),
  );
  return saved.flat().sort();
}

async function untilRules(cluster: Cluster, wanted: readonly string[]): Promise<void> {
  let [more, missing]: (readonly string[])[] = [[], []];
  const some = (lines: readonly string[] = []) => `${lines.length}\n${lines.slice(0, 5).join('\n')}`;
  const what = () => `rules as they were; more of them: ${some(more)}\nmissing: ${some(missing)}`;
  await until(what, patienceMilliseconds, async () => {
    const now = await rulesEverywhere(cluster);
    more = without(now, wanted);
    missing = without(wanted, now);
    return more.length + missing.length === 0;
  });
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return lines.filter((line) => !known.has(line));
}

/** Until `nodeplane diff` finds nothing on any node. */
async function untilNoDifference({ agents }: Cluster): Promise<void> {
  const waits = [...agents].map(([node, agent]) => {
    let last = '';
    const what = () => `no difference on ${node}: ${last}`;
    return until(what, patienceMilliseconds, async () => {
      const { exitCode, stdout, stderr } = await agent.diff();
      last = `${exitCode} ${stdout} ${stderr}`;
      return exitCode === 0;
    });
  });
  await Promise.all(waits);
}
