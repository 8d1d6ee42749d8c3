import { afterAll, beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { startStreamsTo, untilMore } from './constant-streams.ts';
import { describeCluster } from './describe-cluster.ts';
import { savedRules } from './kernel-rules.ts';
import { deployment, protocols, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, podsOf } from './read.ts';
import { figures, type RunningStreams } from './streams.ts';
import { untilReady } from './waits.ts';

const label = 'service.kubernetes.io/service-proxy-name';
const patienceMilliseconds = 60_000;

describeCluster('a Service that another proxy takes over', anotherProxy);

/** The Service `steady` carries connections from everywhere all the time, of which none may fail. */
function anotherProxy(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let pods: readonly Place[];
  let steady: RunningStreams;

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas: 3 }));
    await api.create(service({ name: 'steady', app: 'web', type: 'NodePort' }));
    await untilReady(api, 'web');
    pods = await podsOf(api, 'web');
    const { clusterIP } = await addressesOf(api, 'steady');
    for (const to of Object.values(clusterIP))
      await untilOutcomes(cluster, [...nodeNames, ...pods], { to, port: 80 }, pods);
    steady = await startStreamsTo(cluster, 'steady', [...nodeNames, ...pods], {
      everyMilliseconds: 250,
      kept: 1,
    });
  });
  afterAll(async () => {
    await steady?.stop();
  });

  async function tell(what: string): Promise<void> {
    await untilMore(steady, 50);
    const totals = await steady.count();
    console.log(`${what}: of others ${figures(totals)}`);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  }

  /** By node and family, how many Services whose names begin so have rules. */
  async function programmed(name: string): Promise<readonly number[]> {
    const places = nodeNames.flatMap((node) => families.map((family) => ({ node, family })));
    return Promise.all(
      places.map(async ({ node, family }) => {
        const saved = await savedRules(cluster, node, family);
        return new Set(saved.match(new RegExp(`default/${name}[\\w-]*(?=:)`, 'g'))).size;
      }),
    );
  }

  /** @returns milliseconds until all nodes have rules for so many. */
  async function untilProgrammed(name: string, count: number): Promise<number> {
    const began = performance.now();
    let last: readonly number[] = [];
    const what = () => `rules of ${count} Services ${name} on all nodes: ${last.join()}`;
    await until(what, patienceMilliseconds, async () => {
      last = await programmed(name);
      return last.every((each) => each === count);
    });
    return Math.round(performance.now() - began);
  }

  async function serves(name: string): Promise<void> {
    const { clusterIP } = await addressesOf(cluster.api, name);
    for (const to of Object.values(clusterIP))
      for (const protocol of protocols)
        await untilOutcomes(cluster, [...nodeNames, ...pods], { to, port: 80, protocol }, pods);
  }

  it('the name of another proxy takes the rules of a Service away on all nodes, and brings them back when it goes', async () => {
    const reference = { kind: 'Service', name: 'given' } as const;
    await cluster.api.create(service({ name: 'given', app: 'web', type: 'NodePort' }));
    await serves('given');
    await cluster.api.patch(reference, { metadata: { labels: { [label]: 'somebody-else' } } });
    const given = await untilProgrammed('given', 0);
    await cluster.api.patch(reference, { metadata: { labels: { [label]: '' } } });
    await tell('label added');
    expect(await programmed('given')).toEqual(await programmed('nobody'));
    await cluster.api.patch(reference, { metadata: { labels: { [label]: null } } });
    const back = await untilProgrammed('given', 1);
    await serves('given');
    await tell(`label added (rules gone after ${given} ms) and removed (back after ${back} ms)`);
  });
}
