import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { type Family, families } from '../../../src/model/address.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Cluster } from '../cluster.ts';
import { clientAddress } from '../network/addresses.ts';
import type { Place } from '../network/network.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { describeCluster } from './describe-cluster.ts';
import {
  healthCheckNodePort,
  untilClientsSeen,
  untilNodesHealthy,
  untilProbe,
  untilStrangers,
} from './load-balancer-looks.ts';
import { deployment, protocols, service } from './objects.ts';
import { outcomes, untilOutcomes } from './outcomes.ts';
import { addressesOf, endpointsOf, type ServiceAddresses } from './read.ts';
import { figures, type Stream, startStreams } from './streams.ts';
import { allReady, untilEndpoints, untilReady } from './waits.ts';

const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));
const lingerSeconds = 8;
/** So long traffic runs when nothing else decides. */
const trafficMilliseconds = 1500;
const web = { kind: 'Service', name: 'web' } as const;

describeCluster('a load balancer', balancers);

function balancers(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let addresses: ServiceAddresses;
  /** The Pod on each node. */
  let podOn: ReadonlyMap<NodeName | undefined, Place>;

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas: 3, preStopSeconds: lingerSeconds }));
    await api.create(service({ name: 'web', type: 'LoadBalancer' }));
    await untilReady(api, 'web');
    await whereTheyAre(3);
    await untilHealthy(nodeNames);
    addresses = await addressesOf(api, 'web');
  });

  async function whereTheyAre(count: number): Promise<void> {
    const endpoints = await untilEndpoints(cluster.api, 'web', allReady(count));
    podOn = new Map(endpoints.map(({ node, place }) => [node, place]));
    expect(podOn.size).toBe(count);
  }

  const untilHealthy = (nodes: readonly NodeName[]) => untilNodesHealthy(cluster, web.name, nodes);
  const untilClientSeen = (seen: boolean) => untilClientsSeen(cluster, addresses.balancer, seen);
  const pods = () => [...podOn.values()];
  const targetOf = (family: Family, protocol: TrafficProtocol) => ({
    to: addresses.balancer[family],
    port: 80,
    protocol,
  });
  const patch = (spec: Readonly<Record<string, unknown>>) => cluster.api.patch(web, { spec });
  /** From outside to the load balancer, and from each Pod to the ClusterIP, in both families and protocols. */
  const streams = (): readonly Stream[] =>
    combinations.flatMap(({ family, protocol }) => [
      { from: 'client', ...targetOf(family, protocol), kept: protocol === 'TCP' ? 6 : 0 },
      { from: 'node-1', to: addresses.clusterIP[family], port: 80, protocol, everyMilliseconds: 50 },
    ]);

  it('is reached from everywhere', async () => {
    const from = ['client', ...nodeNames, ...pods()];
    const checks = combinations.map(({ family, protocol }) =>
      untilOutcomes(cluster, from, targetOf(family, protocol), pods()),
    );
    await Promise.all(checks);
  });

  it('switches between traffic policies under traffic; servers see the client under Local alone', async () => {
    await untilClientSeen(false);
    const traffic = await startStreams(cluster, streams());
    const seconds: number[] = [];
    const flip = async (externalTrafficPolicy: 'Local' | 'Cluster') => {
      const began = performance.now();
      await patch({ externalTrafficPolicy });
      await untilClientSeen(externalTrafficPolicy === 'Local');
      seconds.push((performance.now() - began) / 1000);
    };
    for (let times = 0; times < 3; times++) {
      await flip('Local');
      const port = await healthCheckNodePort(cluster, web.name);
      await untilProbe(cluster, 'node-2', port, 200);
      await setTimeout(trafficMilliseconds);
      await flip('Cluster');
      await untilProbe(cluster, 'node-2', port, 0);
      expect(cluster.cloud.healthy('default', 'web')).toEqual(nodeNames);
    }
    const totals = await traffic.stop();
    const longest = Math.max(...seconds).toFixed(1);
    console.log(`load-balancer, six changes of the traffic policy: ${figures(totals)}, longest ${longest} s`);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  });

  it('leaves a node whose last local endpoint is about to end, while that still serves', async () => {
    await patch({ externalTrafficPolicy: 'Local' });
    await untilClientSeen(true);
    await untilHealthy(nodeNames);
    const cost = { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1' } };
    await cluster.api.patch(podReference(podOn.get('node-2')), { metadata: cost });
    // Long connections would end with the Pod.
    const traffic = await startStreams(
      cluster,
      streams().map((stream) => ({ ...stream, kept: 0 })),
    );
    await cluster.api.patch({ kind: 'Deployment', name: 'web' }, { spec: { replicas: 2 } });
    const seconds = await untilHealthy(['node-1', 'node-3']);
    await whereTheyAre(2);
    await untilOutcomes(cluster, ['client'], targetOf('IPv4', 'TCP'), pods());
    const totals = await traffic.stop();
    console.log(
      `load-balancer, last local endpoint ends: ${figures(totals)}, left after ${seconds.toFixed(1)} s`,
    );
    expect(totals.failed).toEqual([]);
    expect(new Set(podOn.keys())).toEqual(new Set(['node-1', 'node-3']));
  });

  it('leaves a node whose last local endpoint is not ready; then no connection fails', async () => {
    const lost = podReference(podOn.get('node-3'));
    await cluster.api.patch(lost, { metadata: { annotations: { ready: 'false' } } });
    const seconds = await untilHealthy(['node-1']);
    const traffic = await startStreams(cluster, streams());
    await setTimeout(trafficMilliseconds);
    const totals = await traffic.stop();
    console.log(
      `load-balancer, endpoint not ready: ${figures(totals)} after the ${seconds.toFixed(1)} s of the probes`,
    );
    expect(totals).toMatchObject({ failed: [], broken: [] });
    await cluster.api.patch(lost, { metadata: { annotations: { ready: null } } });
    await untilHealthy(['node-1', 'node-3']);
  });

  it('drops at a node without local endpoints what comes from outside, not what comes from inside', async () => {
    // The load balancer does not come here any more, but somebody else may.
    const entrances = await addressesOf(cluster.api, 'web');
    const checks = combinations.flatMap(({ family, protocol }) => {
      const to = cluster.network.address('node-2', family);
      const target = { to, port: entrances.nodePort(protocol, 80), protocol, count: 2 };
      return [
        untilOutcomes(cluster, ['client'], target, ['timeout']),
        untilOutcomes(cluster, ['node-2', ...pods()], targetOf(family, protocol), pods()),
      ];
    });
    await Promise.all(checks);
  });

  it('has probes that follow the policy: all nodes serve under Cluster, under Local those with endpoints', async () => {
    const traffic = await startStreams(cluster, streams());
    await patch({ externalTrafficPolicy: 'Cluster' });
    const toCluster = await untilHealthy(nodeNames);
    await untilClientSeen(false);
    const { failed } = await traffic.count();
    expect(failed).toEqual([]);
    await patch({ externalTrafficPolicy: 'Local' });
    const toLocal = await untilHealthy(['node-1', 'node-3']);
    // Until the probes told, the load balancer went on to use a node that serves nobody.
    await untilClientSeen(true);
    const between = await traffic.stop();
    const after = await startStreams(cluster, streams());
    await setTimeout(trafficMilliseconds);
    const totals = await after.stop();
    console.log(
      `load-balancer, probes follow the policy: ${toCluster.toFixed(1)} s to all nodes with 0 failed, ${toLocal.toFixed(1)} s back with ${figures(between)}; then ${figures(totals)}`,
    );
    expect(between.broken).toEqual([]);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  });

  it('lets in only the sources that are allowed', async () => {
    const allowed = families.map((family) => `${clientAddress[family]}/${family === 'IPv4' ? 32 : 128}`);
    const untilStranger = (outcome: string) => untilStrangers(cluster, addresses.balancer, outcome);
    await untilStranger('answered');
    const began = performance.now();
    const traffic = await startStreams(cluster, streams());
    await patch({ loadBalancerSourceRanges: allowed });
    await untilStranger('timeout');
    await patch({ loadBalancerSourceRanges: null });
    await untilStranger('answered');
    const totals = await traffic.stop();
    const seconds = (performance.now() - began) / 1000;
    console.log(`load-balancer, source ranges on and off: ${figures(totals)}, ${seconds.toFixed(1)} s`);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  });

  it('keeps to the own node with internalTrafficPolicy Local, and does not any more', async () => {
    const [one = '', three = ''] = [podOn.get('node-1'), podOn.get('node-3')];
    await patch({ internalTrafficPolicy: 'Local' });
    const each = (expected: readonly (readonly [Place, readonly string[]])[]) =>
      combinations.flatMap(({ family, protocol }) =>
        expected.map(([from, servers]) => {
          const target = { to: addresses.clusterIP[family], port: 80, protocol };
          return untilOutcomes(cluster, [from], target, servers);
        }),
      );
    await Promise.all(
      each([
        [one, [one]],
        ['node-1', [one]],
        [three, [three]],
        ['node-3', [three]],
        ['node-2', ['timeout']],
      ]),
    );
    await patch({ internalTrafficPolicy: 'Cluster' });
    await Promise.all(each([one, three, ...nodeNames].map((from) => [from, pods()])));
    expect(await outcomes(cluster, 'client', targetOf('IPv6', 'TCP'))).toBe(pods().sort().join());
    expect(await endpointsOf(cluster.api, 'web')).toHaveLength(4);
  });

  it('leaves a node that is about to be removed, without a failure, and keeps what is open there', async () => {
    const setTaints = (taints: readonly Readonly<Record<string, string>>[]) =>
      cluster.api.patch({ kind: 'Node', name: 'node-3' }, { spec: { taints } });
    await patch({ externalTrafficPolicy: 'Cluster' });
    await untilClientSeen(false);
    await untilHealthy(nodeNames);
    const traffic = await startStreams(cluster, streams());
    // The mark of the cluster autoscaler, at which service proxies are no longer healthy (KEP-3836).
    await setTaints([{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }]);
    const seconds = await untilHealthy(['node-1', 'node-2']);
    await setTimeout(trafficMilliseconds);
    await setTaints([]);
    await untilHealthy(nodeNames);
    const totals = await traffic.stop();
    console.log(`load-balancer, node about to go: ${figures(totals)}, left after ${seconds.toFixed(1)} s`);
    expect(totals).toMatchObject({ failed: [], broken: [] });
  });
}

function podReference(place: Place | undefined): { readonly kind: 'Pod'; readonly name: string } {
  return { kind: 'Pod', name: place?.replace('default/', '') ?? '' };
}
