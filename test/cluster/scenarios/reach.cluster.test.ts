import { beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import type { Cluster } from '../cluster.ts';
import { externalIP } from '../network/addresses.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { describeCluster } from './describe-cluster.ts';
import { savedRules } from './kernel-rules.ts';
import { both, deployment, protocols, type ServiceOptions, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, endpointsOf, podsOf } from './read.ts';
import { allReady, untilEndpoints, untilReady } from './waits.ts';

const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));

/** A Pod of `web` runs on every node. */
const deployments: readonly Json[] = [
  deployment({ name: 'web', replicas: 3, ports: [8080, 9090] }),
  deployment({ name: 'host', node: 'node-2', hostNetwork: true, ports: [8090] }),
];
const external = families.map((family) => externalIP(1, family));
const named = protocols.map((protocol) => ({
  protocol,
  port: 81,
  targetPort: `${protocol.toLowerCase()}-9090`,
}));
const services: readonly ServiceOptions[] = [
  { name: 'web', ports: [...both(80), ...named] },
  { name: 'by-node', app: 'web', type: 'NodePort' },
  { name: 'by-external', app: 'web', spec: { externalIPs: external } },
  { name: 'by-balancer', app: 'web', type: 'LoadBalancer' },
  { name: 'on-host', app: 'host', ports: both(80, 8090) },
  { name: 'empty', type: 'NodePort' },
  { name: 'headless', app: 'web', spec: { clusterIP: 'None' } },
];
const elsewhere = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'elsewhere' },
  spec: { type: 'ExternalName', externalName: 'elsewhere.example' },
};

describeCluster('who reaches what', reach);

function reach(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let pods: readonly Place[];
  /** Pods on every node, which are endpoints themselves, and every node. */
  let inside: readonly Place[];
  let everywhere: readonly Place[];

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    for (const object of [...deployments, ...services.map(service), elsewhere]) await api.create(object);
    await Promise.all(['web', 'host'].map((name) => untilReady(api, name)));
    await untilEndpoints(api, 'web', allReady(3));
    pods = await podsOf(api, 'web');
    inside = [...pods, ...nodeNames];
    everywhere = [...inside, 'client'];
  });

  it('has a Pod on every node', async () => {
    const endpoints = await endpointsOf(cluster.api, 'web');
    expect(new Set(endpoints.map(({ node }) => node))).toEqual(new Set(nodeNames));
  });

  it.each(combinations)(
    '$family $protocol: a ClusterIP, from pods, themselves included, and nodes',
    async (by) => {
      const to = (await addressesOf(cluster.api, 'web')).clusterIP[by.family];
      await untilOutcomes(cluster, inside, { to, port: 80, protocol: by.protocol }, pods);
    },
  );

  it.each(combinations)('$family $protocol: a second port, which leads to one by its name', async (by) => {
    const to = (await addressesOf(cluster.api, 'web')).clusterIP[by.family];
    const target = { to, port: 81, protocol: by.protocol };
    await untilOutcomes(cluster, inside, target, pods);
    const [dial] = await cluster.network.dial('node-1', target);
    expect(dial).toMatchObject({ outcome: 'answered', port: 9090 });
  });

  it.each(combinations)('$family $protocol: a node port at every node, from everywhere', async (by) => {
    const port = (await addressesOf(cluster.api, 'by-node')).nodePort(by.protocol, 80);
    for (const node of nodeNames) {
      const to = cluster.network.address(node, by.family);
      await untilOutcomes(cluster, everywhere, { to, port, protocol: by.protocol }, pods);
    }
  });

  it('reaches a node port at the loopback address of each node', async () => {
    const port = (await addressesOf(cluster.api, 'by-node')).nodePort('TCP', 80);
    await untilOutcomes(cluster, nodeNames, { to: '127.0.0.1', port }, pods);
  });

  it.each(combinations)('$family $protocol: external IPs, from everywhere', async (by) => {
    const to = externalIP(1, by.family);
    await untilOutcomes(cluster, everywhere, { to, port: 80, protocol: by.protocol }, pods);
  });

  it.each(combinations)('$family $protocol: a load balancer, from everywhere', async (by) => {
    await expect
      .poll(() => cluster.cloud.healthy('default', 'by-balancer'), { timeout: 20_000 })
      .toEqual(nodeNames);
    const to = (await addressesOf(cluster.api, 'by-balancer')).balancer[by.family];
    await untilOutcomes(cluster, everywhere, { to, port: 80, protocol: by.protocol }, pods);
  });

  it.each(combinations)('$family $protocol: a Pod with the network of its node', async (by) => {
    const to = (await addressesOf(cluster.api, 'on-host')).clusterIP[by.family];
    const host = await podsOf(cluster.api, 'host');
    expect(cluster.network.address(host[0] ?? '', by.family)).toBe(
      cluster.network.address('node-2', by.family),
    );
    await untilOutcomes(cluster, [...inside, ...host], { to, port: 80, protocol: by.protocol }, host);
  });

  it.each(combinations)('$family $protocol: a Service without endpoints refuses', async (by) => {
    const { clusterIP, nodePort } = await addressesOf(cluster.api, 'empty');
    const { protocol } = by;
    await untilOutcomes(cluster, inside, { to: clusterIP[by.family], port: 80, protocol }, ['refused']);
    const to = cluster.network.address('node-3', by.family);
    await untilOutcomes(cluster, everywhere, { to, port: nodePort(protocol, 80), protocol }, ['refused']);
  });

  it.each(combinations)('$family $protocol: endpoints of a headless Service, directly', async (by) => {
    const endpoints = (await endpointsOf(cluster.api, 'headless')).filter(
      ({ family }) => family === by.family,
    );
    expect(endpoints.map(({ place }) => place).sort()).toEqual(pods);
    for (const { address, place } of endpoints) {
      const target = { to: address, port: 8080, protocol: by.protocol, count: 3 };
      await untilOutcomes(cluster, everywhere, target, [place]);
    }
  });

  it.each(nodeNames)('has no rules for headless Services and external names, on %s', async (node) => {
    for (const family of families) {
      const rules = await savedRules(cluster, node, family);
      expect(rules).toContain('default/by-node:tcp-80');
      expect(rules).not.toMatch(/headless|elsewhere/);
    }
  });

  it('knows nothing any more of a Service that is gone', async () => {
    const { clusterIP, nodePort } = await addressesOf(cluster.api, 'by-node');
    await cluster.api.remove({ kind: 'Service', name: 'by-node' });
    const checks = combinations.flatMap(({ family, protocol }) => {
      const to = cluster.network.address('node-2', family);
      const port = nodePort(protocol, 80);
      return [
        untilOutcomes(cluster, inside, { to: clusterIP[family], port: 80, protocol, count: 2 }, ['timeout']),
        untilOutcomes(cluster, everywhere, { to, port, protocol, count: 2 }, ['refused']),
      ];
    });
    await Promise.all(checks);
  });
}
