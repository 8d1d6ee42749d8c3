import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import type { Bed } from './bed.ts';
import { converge } from './convergence.ts';
import { askAll, type Entrance, entrancesOf } from './entrances.ts';
import { savedRules } from './kernel-rules.ts';
import { deployment, service } from './objects.ts';
import { podsOf } from './read.ts';
import { figures, startStreams } from './streams.ts';
import { allReady, someReady, untilEndpoints, untilReady } from './waits.ts';

const name = 'sticky';
/** So many that each of three Pods has some but once in three million times. */
const outsideClients = 40;
const patienceMilliseconds = 30_000;
const timeoutSeconds = 4;

/** Clients of a Service with `sessionAffinity: ClientIP`. */
export function affinity(theBed: () => Bed): void {
  let cluster: Cluster;
  let entrances: readonly Entrance[];

  beforeAll(async () => {
    const bed = theBed();
    cluster = bed.cluster;
    const { api } = cluster;
    await api.create(deployment({ name, replicas: 3, preStopSeconds: 2 }));
    await api.create(service({ name, type: 'NodePort', spec: { sessionAffinity: 'ClientIP' } }));
    await untilReady(api, name);
    await converge(cluster, name, async () => undefined, allReady(3));
    entrances = await entrancesOf(cluster, name, bed.inside, outsideClients);
  });

  const outside = (): readonly Entrance[] => entrances.filter(({ from }) => from === 'client');
  const pods = () => podsOf(cluster.api, name);
  const patch = (spec: Json) => cluster.api.patch({ kind: 'Service', name }, { spec });
  const scale = (replicas: number) => cluster.api.patch({ kind: 'Deployment', name }, { spec: { replicas } });

  /** Until at each entrance all Pods answer, so often as there are connections. @returns milliseconds. */
  async function untilSpread(): Promise<number> {
    const wanted = (await pods()).join();
    // Each client many times: without affinity it finds all.
    const often = entrances.map((each) => ({
      ...each,
      sources: Array<string>(24).fill(each.sources[0] ?? ''),
    }));
    return milliseconds(() =>
      untilEach(
        often,
        'each client finds all Pods',
        (servers) => [...new Set(servers)].sort().join() === wanted,
      ),
    );
  }

  /** Asks at each entrance until what the clients found is as wished. */
  async function untilEach(
    of: readonly Entrance[],
    wish: string,
    holds: (servers: readonly string[], index: number) => boolean,
  ): Promise<void> {
    const waits = of.map((entrance, index) => {
      let last: readonly string[] = [];
      const { from, to, port, protocol } = entrance;
      const what = () => `${wish}, from ${from} to ${to} ${port}/${protocol}: ${last.join()}`;
      return until(what, patienceMilliseconds, async () => {
        last = (await askAll(cluster, [entrance]))[0] ?? [];
        return holds(last, index);
      });
    });
    await Promise.all(waits);
  }

  it('leads each client to one Pod, and different clients to all', async () => {
    const first = await askAll(cluster, entrances);
    for (let times = 0; times < 4; times++) expect(await askAll(cluster, entrances)).toEqual(first);
    const found = await askAll(cluster, outside());
    for (const servers of found) expect([...new Set(servers)].sort()).toEqual(await pods());
    console.log(
      `affinity: ${first.flat().length} clients at ${entrances.length} entrances, each at one Pod in five connections`,
    );
  });

  it('leads clients of a Pod that is about to end to another at once, and leaves the others where they are', async () => {
    const before = await askAll(cluster, entrances);
    const [goes = ''] = await pods();
    const traffic = await startStreams(
      cluster,
      entrances.map((each) => ({ ...each, everyMilliseconds: 200 })),
    );
    await endFirst(cluster, goes);
    await scale(2);
    await untilEndpoints(cluster.api, name, someReady(2));
    const moved = await milliseconds(() =>
      untilEach(entrances, `nobody is led to ${goes}`, (servers) => !servers.includes(goes)),
    );
    const settled = await askAll(cluster, entrances);
    expect(await askAll(cluster, entrances)).toEqual(settled);
    await untilEndpoints(cluster.api, name, allReady(2));
    const totals = await traffic.stop();
    const clients = before.flatMap((servers, entrance) =>
      servers.map((server, index) => ({ server, after: settled[entrance]?.[index] })),
    );
    const ofGone = clients.filter(({ server }) => server === goes);
    console.log(
      `affinity, the Pod of ${ofGone.length} clients ends: moved within ${moved} ms of the slice, ${figures(totals)}`,
    );
    expect(clients.filter(({ server, after }) => server !== goes && server !== after)).toEqual([]);
    expect(ofGone.length).toBeGreaterThan(0);
    expect(totals.failed).toEqual([]);
  });

  it('leads each client to all Pods when it is off', async () => {
    await scale(3);
    await untilReady(cluster.api, name);
    await untilEndpoints(cluster.api, name, allReady(3));
    await patch({ sessionAffinity: 'None', sessionAffinityConfig: null });
    console.log(`affinity, off: clients are spread after ${await untilSpread()} ms`);
  });

  it('is kept up by connections, and ends when there are none for the time-out', async () => {
    const config = { clientIP: { timeoutSeconds } };
    await patch({ sessionAffinity: 'ClientIP', sessionAffinityConfig: config });
    await untilTimeout(cluster, timeoutSeconds);
    const some = outside().map((each) => ({ ...each, sources: each.sources.slice(0, 16) }));
    let rounds: Rounds | undefined;
    await until(
      () => `connections that follow each other within ${timeoutSeconds} s`,
      patienceMilliseconds,
      async () => {
        rounds = await quickRounds(cluster, some);
        return rounds !== undefined;
      },
    );
    const [first = [], ...more] = rounds ?? [];
    for (const round of more) expect(round).toEqual(first);
    await setTimeout((timeoutSeconds + 1) * 1000);
    const later = await askAll(cluster, some);
    const changed = later.map(
      (servers, entrance) => servers.filter((server, index) => server !== first[entrance]?.[index]).length,
    );
    const clients = later.flat().length;
    console.log(
      `affinity, time-out of ${timeoutSeconds} s: none of ${clients} clients moved in ${more.length + 1} rounds, ${changed.reduce((sum, each) => sum + each)} did after a pause`,
    );
    // That all sixteen of an entrance fall to their Pod again happens once in forty million times.
    expect(changed.filter((each) => each === 0)).toEqual([]);
    expect(later.flat().filter((server) => !server.startsWith('default/'))).toEqual([]);
  });
}

type Rounds = readonly Awaited<ReturnType<typeof askAll>>[];

/** For longer than the time-out, connections that never leave a client without one for so long. Undefined when the machine was too slow. */
async function quickRounds(cluster: Cluster, entrances: readonly Entrance[]): Promise<Rounds | undefined> {
  const limit = timeoutSeconds * 1000;
  const rounds: Awaited<ReturnType<typeof askAll>>[] = [];
  const began = performance.now();
  let earlier = began;
  while (performance.now() - began < limit + 2000) {
    const start = performance.now();
    rounds.push(await askAll(cluster, entrances));
    if (performance.now() - earlier > limit) return undefined;
    earlier = start;
    await setTimeout(300);
  }
  return rounds;
}

/** Has the Deployment end this Pod first when it is scaled down. */
async function endFirst({ api }: Cluster, pod: Place): Promise<void> {
  const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-1' };
  await api.patch({ kind: 'Pod', name: pod.replace('default/', '') }, { metadata: { annotations } });
}

/** Until the rules of all nodes have it, in both families. */
async function untilTimeout(cluster: Cluster, seconds: number): Promise<void> {
  const places = nodeNames.flatMap((node) => families.map((family) => ({ node, family })));
  const waits = places.map(({ node, family }) =>
    until(
      () => `${node}: ${family} rules with a time-out of ${seconds} s`,
      patienceMilliseconds,
      async () => (await savedRules(cluster, node, family)).includes(`--rcheck --seconds ${seconds} `),
    ),
  );
  await Promise.all(waits);
}

async function milliseconds(act: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await act();
  return Math.round(performance.now() - began);
}
