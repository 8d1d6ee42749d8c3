import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { type Family, families } from '../../../src/model/address.ts';
import type { Program } from '../../netns/program.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, service } from './objects.ts';
import { outcomes, untilOutcomes } from './outcomes.ts';
import { addressesOf, podsOf } from './read.ts';
import { untilReady } from './waits.ts';

const udpClient = join(import.meta.dirname, '../../faults/udp-client.mjs');
const movedMilliseconds = 20_000;
/** Of `ClientIP` affinity. */
const remembered = { seconds: 6 } as const;

describeCluster('clients that come again', clientsComeAgain);

function clientsComeAgain(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let pods: readonly Place[];

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas: 3 }));
    await api.create(deployment({ name: 'dns', replicas: 1 }));
    await api.create(service({ name: 'web' }));
    await api.create(service({ name: 'dns' }));
    await Promise.all([untilReady(api, 'web'), untilReady(api, 'dns')]);
    pods = await podsOf(api, 'web');
    await untilOutcomes(cluster, inside(), { to: await clusterIP('web', 'IPv4'), port: 80 }, pods);
  });

  const inside = (): readonly Place[] => [...pods, ...nodeNames];
  const clusterIP = async (name: string, family: Family) =>
    (await addressesOf(cluster.api, name)).clusterIP[family];

  /** Who answers each place now; a place that several answer has them all. */
  async function answers(to: string): Promise<readonly string[]> {
    return Promise.all(inside().map((from) => outcomes(cluster, from, { to, port: 80 })));
  }

  async function affinity(spec: object): Promise<void> {
    await cluster.api.patch({ kind: 'Service', name: 'web' }, { spec });
  }

  it.each(families)('stay with their Pod while affinity is on, and not longer: %s', async (family) => {
    const to = await clusterIP('web', family);
    const config = { clientIP: { timeoutSeconds: remembered.seconds } };
    await affinity({ sessionAffinity: 'ClientIP', sessionAffinityConfig: config });
    let settled: readonly string[] = [];
    await until(
      () => `one Pod for each place: ${settled.join(' ')}`,
      movedMilliseconds,
      async () => {
        settled = await answers(to);
        return settled.every((each) => pods.includes(each));
      },
    );
    expect(await answers(to)).toEqual(settled);
    const seen = settled.map((pod) => new Set([pod]));
    await until(
      () => `another Pod after the time-out for some place: ${settled.join(' ')}`,
      60_000,
      async () => {
        await setTimeout((remembered.seconds + 1) * 1000);
        const now = await answers(to);
        for (const [index, pod] of now.entries()) seen[index]?.add(pod);
        // Within the time-out all connections of a place go to one Pod again.
        expect(now.filter((each) => !pods.includes(each))).toEqual([]);
        return seen.some((each) => each.size > 1);
      },
    );
    await affinity({ sessionAffinity: 'None', sessionAffinityConfig: null });
    await untilOutcomes(cluster, inside(), { to, port: 80 }, pods);
  });

  /** A client that keeps its socket and port. Its lines say who answers, each time that it is another one. */
  function talk(from: Place, to: string, family: Family): Program {
    const own = cluster.network.address(from, family);
    return cluster.network.start(from, [process.execPath, udpClient, own, '40000', to, '80', '20']);
  }

  it('that keep their UDP socket reach the Pod that replaces theirs, also when there was none for a while', async () => {
    const { api } = cluster;
    const addresses = Object.fromEntries(
      await Promise.all(families.map(async (family) => [family, await clusterIP('dns', family)] as const)),
    );
    const clients = families.flatMap((family) =>
      inside().map((from) => ({ from, program: talk(from, addresses[family] ?? '', family) })),
    );
    const partners = () => clients.map(({ program }) => program.lines.at(-1)?.split(' ')[1] ?? 'nobody');
    const [first = ''] = await podsOf(api, 'dns');
    const all = async (pod: Place) => {
      const began = performance.now();
      const what = () => `all clients are answered by ${pod}: ${partners().join()}`;
      await until(what, movedMilliseconds, async () => partners().every((each) => each === pod));
      return Math.round(performance.now() - began);
    };
    try {
      await all(first);
      await api.remove({ kind: 'Pod', name: nameOf(first) });
      const second = await successor('dns', [first]);
      const replaced = await all(second);
      await scale('dns', 0);
      await until(
        () => 'no Pod is left',
        movedMilliseconds,
        async () => (await podsOf(api, 'dns')).length === 0,
      );
      await setTimeout(1000);
      await scale('dns', 1);
      const afterNone = await all(await successor('dns', [first, second]));
      console.log(
        `UDP clients that keep their port (${clients.length}): ${replaced} ms after the new Pod was ready, ${afterNone} ms after there was none`,
      );
    } finally {
      await Promise.all(clients.map(({ program }) => program.stop('SIGKILL')));
    }
  });

  async function scale(name: string, replicas: number): Promise<void> {
    await cluster.api.patch({ kind: 'Deployment', name }, { spec: { replicas } });
  }

  /** The Pod that comes after these, once it is ready. */
  async function successor(app: string, before: readonly Place[]): Promise<Place> {
    let found: Place | undefined;
    await until(
      () => `a new Pod of ${app}`,
      movedMilliseconds,
      async () => {
        found = (await podsOf(cluster.api, app)).find((pod) => !before.includes(pod));
        return found !== undefined;
      },
    );
    await untilReady(cluster.api, app);
    return found ?? '';
  }
}

function nameOf(pod: Place): string {
  return pod.split('/')[1] ?? '';
}
