import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, protocols, service } from './objects.ts';
import { type Target, untilOutcomes } from './outcomes.ts';
import { addressesOf, podsOf, type ServiceAddresses } from './read.ts';
import { figures, type RunningStreams, type Stream, startStreams } from './streams.ts';
import { untilReady } from './waits.ts';

const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));
const nodePorts = { first: 30_111, second: 30_222 } as const;
/** What a change breaks may be seen a moment after it is in force. */
const afterwardsMilliseconds = 700;
const balancedMilliseconds = 20_000;

describeCluster('changes of a Service under traffic', changes);

/** Each change ends old entrances and opens new ones; the Service `steady` has the same Pods and must not notice. */
function changes(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let pods: readonly Place[];
  let steady: ServiceAddresses;
  let traffic: RunningStreams;

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'web', replicas: 3, ports: [8080, 9090] }));
    await api.create(service({ name: 'steady', app: 'web', type: 'NodePort' }));
    await api.create(service({ name: 'web', ports: [{ name: 'a', port: 80 }] }));
    await untilReady(api, 'web');
    pods = await podsOf(api, 'web');
    steady = await addressesOf(api, 'steady');
    await Promise.all(
      steadyStreams().map(({ from, ...target }) => untilOutcomes(cluster, [from], target, pods)),
    );
    await untilOutcomes(cluster, inside(), { to: await clusterIP(), port: 80 }, pods);
    traffic = await startStreams(cluster, steadyStreams());
  });
  afterAll(async () => {
    await traffic?.stop();
  });

  const inside = (): readonly Place[] => [...pods, ...nodeNames];

  /** From a Pod of each node and from each node to the ClusterIP, and from outside to node ports. */
  function steadyStreams(): readonly Stream[] {
    return combinations.flatMap(({ family, protocol }) => {
      const target = { to: steady.clusterIP[family], port: 80, protocol, everyMilliseconds: 100 };
      const kept = protocol === 'TCP' ? 2 : 0;
      return [
        ...inside().map((from) => ({ from, ...target, kept })),
        ...nodeNames.map((node) => ({
          ...target,
          from: 'client',
          to: cluster.network.address(node, family),
          port: steady.nodePort(protocol, 80),
        })),
      ];
    });
  }

  const clusterIP = async () => (await addressesOf(cluster.api, 'web')).clusterIP.IPv4;
  const patch = (spec: Json) => cluster.api.patch({ kind: 'Service', name: 'web' }, { spec });
  const ports = (...list: readonly Json[]) => patch({ ports: list });

  /** In both families, from Pods and nodes. */
  async function clusterIPGives(
    port: number,
    protocol: TrafficProtocol,
    expected: readonly string[],
  ): Promise<void> {
    const { clusterIP: addresses } = await addressesOf(cluster.api, 'web');
    await Promise.all(
      families.map((family) => gives(inside(), { to: addresses[family], port, protocol }, expected)),
    );
  }

  /** In both families, at all nodes, from outside. */
  async function nodePortGives(
    port: number,
    protocol: TrafficProtocol,
    expected: readonly string[],
  ): Promise<void> {
    const targets = families.flatMap((family) =>
      nodeNames.map((node) => ({ to: cluster.network.address(node, family), port, protocol })),
    );
    await Promise.all(targets.map((target) => gives(['client'], target, expected)));
  }

  function gives(from: readonly Place[], target: Target, expected: readonly string[]): Promise<void> {
    const fails = expected.every((each) => !pods.includes(each));
    return untilOutcomes(cluster, from, fails ? { ...target, count: 2 } : target, expected);
  }

  /** What stays open meanwhile is asked without a break; nothing of it may fail, nor anything of `steady`. */
  async function change(
    title: string,
    stays: readonly { readonly port: number; readonly protocol: TrafficProtocol }[],
    act: () => Promise<void>,
  ): Promise<void> {
    const { clusterIP: addresses } = await addressesOf(cluster.api, 'web');
    const streams = families.flatMap((family) =>
      stays.flatMap((each) =>
        inside().map((from) => ({ from, to: addresses[family], everyMilliseconds: 50, ...each })),
      ),
    );
    const own = await startStreams(cluster, streams);
    const before = await traffic.count();
    const began = performance.now();
    await act();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    await setTimeout(afterwardsMilliseconds);
    const totals = await own.stop();
    const others = await traffic.count();
    const connections = others.connections - before.connections;
    console.log(
      `change-service, ${title}: ${seconds} s, ${figures(totals)}; of others ${connections} connections, ${others.failed.length} failed`,
    );
    expect(totals).toMatchObject({ failed: [], broken: [] });
    expect(others).toMatchObject({ failed: [], broken: [] });
    expect(others.exchanges).toBeGreaterThan(before.exchanges);
  }

  const tcp80 = { port: 80, protocol: 'TCP' } as const;

  it('ClusterIP to NodePort', () =>
    change('ClusterIP to NodePort', [tcp80], async () => {
      await nodePortGives(nodePorts.first, 'TCP', ['refused']);
      await patch({
        type: 'NodePort',
        ports: [{ name: 'a', port: 80, targetPort: 8080, nodePort: nodePorts.first }],
      });
      await nodePortGives(nodePorts.first, 'TCP', pods);
    }));

  it('NodePort to LoadBalancer', () =>
    change('NodePort to LoadBalancer', [tcp80], async () => {
      await patch({ type: 'LoadBalancer' });
      await untilBalanced(true);
      await balancerGives(pods);
      await nodePortGives(nodePorts.first, 'TCP', pods);
    }));

  it('another node port', () =>
    change('another node port', [tcp80], async () => {
      await ports({ name: 'a', port: 80, targetPort: 8080, nodePort: nodePorts.second });
      await nodePortGives(nodePorts.second, 'TCP', pods);
      await nodePortGives(nodePorts.first, 'TCP', ['refused']);
      await balancerGives(pods);
    }));

  it('LoadBalancer to ClusterIP', () =>
    change('LoadBalancer to ClusterIP', [tcp80], async () => {
      const { balancer } = await addressesOf(cluster.api, 'web');
      await patch({ type: 'ClusterIP', ports: [{ name: 'a', port: 80, targetPort: 8080, nodePort: null }] });
      await nodePortGives(nodePorts.second, 'TCP', ['refused']);
      await untilBalanced(false);
      const gone = families.map((family) =>
        gives(['client'], { to: balancer[family], port: 80 }, ['timeout']),
      );
      await Promise.all(gone);
    }));

  it('another target port', () =>
    change('another target port', [tcp80], async () => {
      await ports({ name: 'a', port: 80, targetPort: 9090 });
      await until(
        () => 'all answers come from port 9090',
        balancedMilliseconds,
        async () => {
          const to = await clusterIP();
          const dials = await Promise.all(
            inside().map((from) => cluster.network.dial(from, { to, port: 80, count: 6 })),
          );
          return dials.flat().every((dial) => dial.outcome === 'answered' && dial.port === 9090);
        },
      );
    }));

  it('a second port', () =>
    change('a second port', [tcp80], async () => {
      await ports({ name: 'a', port: 80, targetPort: 9090 }, { name: 'b', port: 81, targetPort: 8080 });
      await clusterIPGives(81, 'TCP', pods);
    }));

  it('another port number', () =>
    change('another port number', [{ port: 81, protocol: 'TCP' }], async () => {
      await ports({ name: 'a', port: 82, targetPort: 9090 }, { name: 'b', port: 81, targetPort: 8080 });
      await Promise.all([clusterIPGives(82, 'TCP', pods), clusterIPGives(80, 'TCP', ['timeout'])]);
    }));

  it('TCP to UDP', () =>
    change('TCP to UDP', [{ port: 81, protocol: 'TCP' }], async () => {
      await ports(
        { name: 'a', protocol: 'UDP', port: 82, targetPort: 9090 },
        { name: 'b', port: 81, targetPort: 8080 },
      );
      await Promise.all([clusterIPGives(82, 'UDP', pods), clusterIPGives(82, 'TCP', ['timeout'])]);
    }));

  async function untilBalanced(balanced: boolean): Promise<void> {
    await until(
      () => `load balancer: ${balanced}`,
      balancedMilliseconds,
      async () => ((await addressesOf(cluster.api, 'web')).balancer.IPv6 !== '') === balanced,
    );
  }

  async function balancerGives(expected: readonly string[]): Promise<void> {
    const { balancer } = await addressesOf(cluster.api, 'web');
    const from = ['client', ...inside()];
    await Promise.all(families.map((family) => gives(from, { to: balancer[family], port: 80 }, expected)));
  }
}
