import { beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { allNodes, type NodeName, nodeNames } from '../nodes.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, protocols, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, read, type ServiceAddresses } from './read.ts';
import { allReady, untilEndpoints, untilReady } from './waits.ts';

const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));

/** Who is served by whom: by places, the nodes whose Pods answer. */
type Expected = Readonly<Record<NodeName, readonly NodeName[]>>;

const everybody: Expected = { 'node-1': nodeNames, 'node-2': nodeNames, 'node-3': nodeNames };
const byZone: Expected = {
  'node-1': ['node-1', 'node-2'],
  'node-2': ['node-1', 'node-2'],
  'node-3': ['node-3'],
};
const byNode: Expected = { 'node-1': ['node-1'], 'node-2': ['node-2'], 'node-3': ['node-3'] };

interface Hints {
  readonly forZones?: readonly { readonly name: string }[];
  readonly forNodes?: readonly { readonly name: string }[];
}

describeCluster('the distribution of traffic', distributions);

/** node-1 and node-2 are in zone-a, node-3 is in zone-b; a Pod runs on each. */
function distributions(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let addresses: ServiceAddresses;
  let podOn: ReadonlyMap<NodeName | undefined, Place>;

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas: 3 }));
    await api.create(service({ name: 'web', type: 'NodePort' }));
    await untilReady(api, 'web');
    const endpoints = await untilEndpoints(api, 'web', allReady(3));
    podOn = new Map(endpoints.map(({ node, place }) => [node, place]));
    expect(podOn.size).toBe(3);
    addresses = await addressesOf(api, 'web');
    await untilServed(everybody);
  });

  /** From the nodes and their Pods to the ClusterIP, and from outside to the node ports. */
  async function untilServed(expected: Expected): Promise<number> {
    const began = performance.now();
    const checks = nodeNames.flatMap((node) => {
      const servers = expected[node].map((each) => podOn.get(each) ?? '');
      return combinations.flatMap(({ family, protocol }) => {
        const inside = { to: addresses.clusterIP[family], port: 80, protocol };
        const to = cluster.network.address(node, family);
        const outside = { to, port: addresses.nodePort(protocol, 80), protocol };
        return [
          untilOutcomes(cluster, [node, podOn.get(node) ?? ''], inside, servers),
          untilOutcomes(cluster, ['client'], outside, servers),
        ];
      });
    });
    await Promise.all(checks);
    return (performance.now() - began) / 1000;
  }

  const distribute = (trafficDistribution: string | null) =>
    cluster.api.patch({ kind: 'Service', name: 'web' }, { spec: { trafficDistribution } });
  const setReady = (node: NodeName, ready: 'false' | null) => {
    const name = podOn.get(node)?.replace('default/', '') ?? '';
    return cluster.api.patch({ kind: 'Pod', name }, { metadata: { annotations: { ready } } });
  };

  /** By the node of the endpoint, in IPv4: what the controller has written. */
  async function hints(): Promise<ReadonlyMap<string, Hints | undefined>> {
    const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=';
    const { items } = await read<{
      items: { addressType: string; endpoints: { nodeName: string; hints?: Hints }[] }[];
    }>(cluster.api, `${path}${encodeURIComponent('kubernetes.io/service-name=web')}`);
    const endpoints = items
      .filter(({ addressType }) => addressType === 'IPv4')
      .flatMap((each) => each.endpoints);
    return new Map(endpoints.map(({ nodeName, hints: given }) => [nodeName, given]));
  }

  it.each(['PreferSameZone', 'PreferClose'])(
    '%s: keeps to the zone, and leaves it when it has nobody',
    async (distribution) => {
      await distribute(distribution);
      const kept = await untilServed(byZone);
      for (const { name, zone } of allNodes) {
        expect((await hints()).get(name)).toMatchObject({ forZones: [{ name: zone }] });
      }
      await setReady('node-3', 'false');
      const left = await untilServed({ ...byZone, 'node-3': ['node-1', 'node-2'] });
      await setReady('node-3', null);
      const back = await untilServed(byZone);
      tell(distribution, { 'to the zone': kept, 'to others': left, back });
    },
  );

  it('PreferSameNode: keeps to the node, else to the zone, else to anybody', async () => {
    await distribute('PreferSameNode');
    const kept = await untilServed(byNode);
    for (const name of nodeNames) {
      expect((await hints()).get(name)).toMatchObject({ forNodes: [{ name }] });
    }
    await setReady('node-1', 'false');
    const zone = await untilServed({ ...byNode, 'node-1': ['node-2'] });
    await setReady('node-2', 'false');
    const anybody = await untilServed({ 'node-1': ['node-3'], 'node-2': ['node-3'], 'node-3': ['node-3'] });
    await Promise.all([setReady('node-1', null), setReady('node-2', null)]);
    const back = await untilServed(byNode);
    tell('PreferSameNode', { 'to the node': kept, 'to the zone': zone, 'to anybody': anybody, back });
  });

  it('distributes to all again when it is taken back', async () => {
    await distribute(null);
    tell('none', { 'to all': await untilServed(everybody) });
    for (const given of (await hints()).values()) expect(given).toBeUndefined();
  });
}

function tell(distribution: string, seconds: Readonly<Record<string, number>>): void {
  const parts = Object.entries(seconds).map(([what, each]) => `${what} in ${each.toFixed(1)} s`);
  console.log(`traffic-distribution, ${distribution}: ${parts.join(', ')}`);
}
