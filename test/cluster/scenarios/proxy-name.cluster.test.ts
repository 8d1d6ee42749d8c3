import { afterAll, beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import { ApiRefusal } from '../api.ts';
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
const manyServices = 300;
const patienceMilliseconds = 60_000;

describeCluster('Services that come and go beside others', servicesComeAndGo);

/** The Service `steady` carries connections from everywhere all the time, of which none may fail. */
function servicesComeAndGo(theCluster: () => Cluster): void {
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

  async function serves(name: string, by: readonly TrafficProtocol[] = protocols): Promise<void> {
    const { clusterIP } = await addressesOf(cluster.api, name);
    for (const to of Object.values(clusterIP))
      for (const protocol of by)
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

  it('Services get addresses of a ServiceCIDR that was added', async () => {
    await cluster.api.create({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'more' },
      spec: { cidrs: ['172.31.0.0/24', 'fd00:172:31::/120'] },
    });
    const spec = { clusterIP: '172.31.0.77', clusterIPs: ['172.31.0.77', 'fd00:172:31::77'] };
    const wide = service({ name: 'wide', app: 'web', spec });
    let last = '';
    await until(
      () => `a Service with an address of it: ${last}`,
      patienceMilliseconds,
      async () => {
        const refusal = await cluster.api.create(wide).then(
          () => '',
          (thrown: unknown) => {
            if (thrown instanceof ApiRefusal) return thrown.message;
            throw thrown;
          },
        );
        last = refusal;
        return refusal === '';
      },
    );
    expect((await addressesOf(cluster.api, 'wide')).clusterIP).toEqual({
      IPv4: '172.31.0.77',
      IPv6: 'fd00:172:31::77',
    });
    await serves('wide');
    await tell('a ServiceCIDR added');
  });

  it(`${manyServices} Services come and go`, async () => {
    const numbers = Array.from({ length: manyServices }, (_, number) => number);
    const began = performance.now();
    await atOnce(numbers, (number) =>
      cluster.api.create(service({ name: `many-${number}`, app: 'web', ports: [{ port: 80 }] })),
    );
    const came = await untilProgrammed('many-', manyServices);
    const seconds = Math.round((performance.now() - began) / 1000);
    await tell(`${manyServices} Services created in ${seconds} s, on all nodes ${came} ms after the last`);
    await serves(`many-${manyServices - 1}`, ['TCP']);
    await atOnce(numbers, (number) => cluster.api.remove({ kind: 'Service', name: `many-${number}` }));
    const went = await untilProgrammed('many-', 0);
    await tell(`${manyServices} Services removed, on all nodes ${went} ms after the last`);
  });
}

/** Eight requests at a time. */
async function atOnce(
  numbers: readonly number[],
  request: (number: number) => Promise<unknown>,
): Promise<void> {
  const left = [...numbers];
  const worker = async (): Promise<void> => {
    for (let number = left.pop(); number !== undefined; number = left.pop()) await request(number);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
