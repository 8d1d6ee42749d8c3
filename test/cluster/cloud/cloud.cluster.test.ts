import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Family, families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { Component } from '../component.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { hostOf } from '../host.ts';
import { clientAddress, loadBalancerIP } from '../network/addresses.ts';
import { type ClusterNetwork, createClusterNetwork } from '../network/network.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { type Cloud, startCloud } from './cloud.ts';

const possible = await canMakeWorlds();
const protocols = ['TCP', 'UDP'] as const;
const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));
const followedMilliseconds = 15_000;

if (possible.ok) describe('the stand-in for a cloud', clouds);
else it('the stand-in for a cloud', (context) => context.skip(possible.reason));

/** Nodes here have the addresses of load balancers themselves and answer without a service proxy. */
function clouds(): void {
  let network: ClusterNetwork;
  let plane: ControlPlane;
  let cloud: Cloud;
  const health = new Map<NodeName, Component>();

  beforeAll(async () => {
    network = await createClusterNetwork(nodeNames);
    plane = await startControlPlane(hostOf(network, 'control-plane'));
    cloud = await startCloud({ api: plane.api, network });
    for (const name of nodeNames) {
      await plane.api.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
      const argv = [process.execPath, '--eval', healthServer(10256)] as const;
      const server = new Component('health', () => network.start(name, argv));
      health.set(name, server);
      server.start();
    }
  });
  afterAll(async () => {
    await cloud?.close();
    await plane?.close();
    await network?.close();
  });

  const ingressOf = async (name: string): Promise<readonly string[]> => {
    const { status } = await plane.api.get({ kind: 'Service', name });
    return [...JSON.stringify(status).matchAll(/"ip":"([^"]*)","ipMode":"VIP"/g)].map(([, ip = '']) => ip);
  };
  const untilIngress = (name: string, addresses: readonly string[]) => {
    let last: readonly string[] = [];
    const what = () => `${name} has ${addresses.join()}, not ${last.join()}`;
    return until(what, followedMilliseconds, async () => {
      last = await ingressOf(name);
      return last.join() === addresses.join();
    });
  };
  const untilHealthy = (name: string, nodes: readonly NodeName[]) => {
    const what = () => `healthy for ${name}: ${cloud.healthy('default', name).join()}, not ${nodes.join()}`;
    return until(
      what,
      followedMilliseconds,
      async () => cloud.healthy('default', name).join() === nodes.join(),
    );
  };
  /** Gives the addresses of a load balancer to all nodes, with echo servers. */
  const serve = async (number: number) => {
    const addresses = families.map((family) => loadBalancerIP(number, family));
    for (const node of nodeNames) {
      for (const address of addresses) {
        const argv = ['ip', 'address', 'add', address, 'dev', 'lo'] as const;
        await network.exec(node)({ argv, timeoutMilliseconds: 10_000 });
      }
      await network.listen(node, { ports: [80, 443], addresses });
    }
  };
  /** Who answers 40 new connections, each once, and what became of the others. */
  const outcomes = async (number: number, family: Family, protocol: 'TCP' | 'UDP', port = 80) => {
    const to = loadBalancerIP(number, family);
    const dials = await network.dial('client', { protocol, to, port, count: 40, timeoutMilliseconds: 1000 });
    const seen = dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome));
    return [...new Set(seen)].sort();
  };

  it('gives each Service addresses of its families, unless it is for another cloud', async () => {
    await plane.api.create(balanced('web', { ipFamilyPolicy: 'RequireDualStack' }));
    await untilIngress('web', ['198.51.100.1', '2001:db8:100::1']);
    await plane.api.create(balanced('single', { ipFamilies: ['IPv6'] }));
    await untilIngress('single', ['2001:db8:100::2']);
    await plane.api.create(balanced('other', { loadBalancerClass: 'example.com/other' }));
    await plane.api.create(balanced('more', { ipFamilies: ['IPv4'] }));
    await untilIngress('more', ['198.51.100.3']);
    expect(await ingressOf('other')).toEqual([]);
  });

  it.each(combinations)('$family $protocol: goes to all healthy nodes', async ({ family, protocol }) => {
    await serve(1);
    await untilHealthy('web', nodeNames);
    for (const port of [80, 443]) expect(await outcomes(1, family, protocol, port)).toEqual(nodeNames);
    const to = loadBalancerIP(1, family);
    const [dial] = await network.dial('client', { protocol, to, port: 80 });
    expect(dial).toMatchObject({ source: clientAddress[family], address: to });
  });

  it('leaves a node that fails, but for connections that exist', async () => {
    const to = loadBalancerIP(1, 'IPv4');
    const traffic = await network.startTraffic('client', { to, port: 80, kept: 24 });
    await until(
      () => 'kept connections at each node',
      followedMilliseconds,
      async () => new Set((await traffic.count()).kept.map(({ server }) => server)).size === 3,
    );
    await health.get('node-2')?.stop();
    await untilHealthy('web', ['node-1', 'node-3']);
    const before = await traffic.count();
    for (const { family, protocol } of combinations) {
      expect(await outcomes(1, family, protocol)).toEqual(['node-1', 'node-3']);
    }
    const { answered, failed, kept } = await traffic.stop();
    expect(failed).toEqual([]);
    expect(answered['node-2']).toBe(before.answered['node-2']);
    for (const [index, { server, exchanges, broken }] of kept.entries()) {
      expect(broken).toBe('');
      expect(exchanges, server).toBeGreaterThan(before.kept[index]?.exchanges ?? 0);
    }
    health.get('node-2')?.start();
    await untilHealthy('web', nodeNames);
  });

  it('asks the health-check node port when the traffic policy is Local', async () => {
    const { spec } = await plane.api.patch(
      { kind: 'Service', name: 'web' },
      { spec: { externalTrafficPolicy: 'Local' } },
    );
    const port = Number(JSON.stringify(spec).match(/"healthCheckNodePort":(\d+)/)?.[1]);
    const server = network.start('node-3', [process.execPath, '--eval', healthServer(port)]);
    await untilHealthy('web', ['node-3']);
    await server.stop();
    await untilHealthy('web', []);
    expect(await outcomes(1, 'IPv6', 'TCP')).toEqual(['timeout']);
    await plane.api.patch({ kind: 'Service', name: 'web' }, { spec: { externalTrafficPolicy: 'Cluster' } });
    await untilHealthy('web', nodeNames);
  });

  it('goes on without the API server, and follows it again', async () => {
    await plane.apiServer.stop('SIGKILL');
    await health.get('node-1')?.stop();
    await untilHealthy('web', ['node-2', 'node-3']);
    expect(await outcomes(1, 'IPv4', 'TCP')).toEqual(['node-2', 'node-3']);
    plane.apiServer.start();
    await plane.ready();
    health.get('node-1')?.start();
    await plane.api.create(balanced('late', { ipFamilies: ['IPv4'] }));
    await untilIngress('late', ['198.51.100.4']);
    await untilHealthy('late', nodeNames);
  });

  it('follows the Node objects', async () => {
    await plane.api.remove({ kind: 'Node', name: 'node-3' });
    await untilHealthy('web', ['node-1', 'node-2']);
    const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    await plane.api.patch({ kind: 'Node', name: 'node-1' }, { metadata: { labels: label } });
    await untilHealthy('web', ['node-2']);
  });

  it('takes the address from a Service of another type, and from one that is gone', async () => {
    const web = { kind: 'Service', name: 'web' } as const;
    await plane.api.patch(web, { spec: { type: 'ClusterIP', externalTrafficPolicy: null } });
    await untilIngress('web', []);
    await plane.api.remove({ kind: 'Service', name: 'single' });
    await until(
      () => 'nobody answers any more',
      followedMilliseconds,
      async () => (await outcomes(1, 'IPv4', 'TCP')).join() === 'timeout',
    );
    expect(cloud.healthy('default', 'web')).toEqual([]);
  });
}

function balanced(name: string, spec: Json): Json {
  const ports = protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 80 }));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'LoadBalancer', selector: { app: name }, ports, ...spec },
  };
}

function healthServer(port: number): string {
  return `require('node:http').createServer((_, response) => response.end()).listen(${port}, '::')`;
}
