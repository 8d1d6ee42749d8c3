import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Json } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { balancer, localSlice } from '../../test/observe/balancers.ts';
import { ManualClock } from '../../test/observe/manual-clock.ts';
import { ask, freePorts, holdPort } from '../../test/observe/ports.ts';
import { endedSync, heardSnapshot } from '../../test/observe/syncs.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Happening } from './happening.ts';
import { HealthCheckNodePorts } from './health-check-node-ports.ts';
import { silentLog } from './log.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function started() {
  const clock = new ManualClock();
  const told: Happening[] = [];
  const world = { healthy: true, addresses: ['127.0.0.1', '::1'] };
  const ports = new HealthCheckNodePorts({
    isHealthy: () => world.healthy,
    addresses: () => world.addresses,
    observe: (happening) => told.push(happening),
    log: silentLog,
    clock,
  });
  closers.push(() => ports.stop());
  const hear = async (...objects: readonly Json[]): Promise<Snapshot> => {
    const snapshot = snapshotOf(objects);
    ports.observe(heardSnapshot(snapshot));
    await ports.settled();
    return snapshot;
  };
  const sync = async (snapshot: Snapshot) => {
    for (const family of ['IPv4', 'IPv6'] as const) ports.observe(endedSync(family, { snapshot }));
    await ports.settled();
  };
  const program = async (...objects: readonly Json[]) => sync(await hear(...objects));
  return { clock, told, world, ports, hear, sync, program };
}

async function hold(host?: string, port?: number) {
  const holder = await holdPort(host, port);
  closers.push(holder.free);
  return holder;
}

const refused = { code: 'ECONNREFUSED' };
const web = (healthCheckNodePort: number) => [
  balancer('web', { healthCheckNodePort }),
  localSlice('web', ['10.244.1.1', '10.244.1.2']),
];

describe('the health check of a single-stack Service', () => {
  it('answers as kube-proxy, byte for byte, and in the other family too', async () => {
    const { program } = started();
    const [port = 0] = await freePorts(1);
    await program(...web(port));
    for (const host of ['127.0.0.1', '::1']) {
      const { status, headers, body } = await ask({ host, port, path: '/any/path' });
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': '2',
        'content-length': '114',
      });
      expect(body).toBe(
        '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
      );
    }
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'HEAD'])
      expect(await ask({ port, method })).toMatchObject({ status: 200 });
  });

  it('answers at all addresses when it is to', async () => {
    const { program, world } = started();
    world.addresses = ['0.0.0.0', '::'];
    const [port = 0] = await freePorts(1);
    await program(...web(port));
    for (const host of ['127.0.0.1', '127.0.0.2', '::1'])
      expect(await ask({ host, port })).toMatchObject({ status: 200 });
  });
});

describe('a dual-stack Service', () => {
  it('is answered for by the endpoints of the family that asks', async () => {
    const { program } = started();
    const [port = 0] = await freePorts(1);
    const options = { healthCheckNodePort: port, clusterIPs: ['172.30.0.1', 'fd00:30::1'] };
    await program(balancer('web', options), localSlice('web', ['10.244.1.1']));
    expect(await ask({ port })).toMatchObject({ status: 200 });
    expect(await ask({ host: '::1', port })).toMatchObject({
      status: 503,
      headers: { 'x-load-balancing-endpoint-weight': '0' },
      body: expect.stringContaining('\t"localEndpoints": 0,\n\t"serviceProxyHealthy": true\n'),
    });
  });
});

describe('a health check', () => {
  it('is 503 before its rules are in force, without endpoints, and while the agent is ill', async () => {
    const { hear, sync, world } = started();
    const [port = 0] = await freePorts(1);
    const snapshot = await hear(...web(port));
    expect(await ask({ port })).toMatchObject({ status: 503 });
    await sync(snapshot);
    expect(await ask({ port })).toMatchObject({ status: 200 });
    world.healthy = false;
    expect(await ask({ port })).toMatchObject({
      status: 503,
      headers: { 'x-load-balancing-endpoint-weight': '2' },
      body: expect.stringContaining('"localEndpoints": 2,\n\t"serviceProxyHealthy": false\n'),
    });
    world.healthy = true;
    await hear(balancer('web', { healthCheckNodePort: port }));
    expect(await ask({ port })).toMatchObject({ status: 503 });
  });

  it('keeps its connections as long as its port stays', async () => {
    const { program, hear, clock } = started();
    const [port = 0] = await freePorts(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closers.push(async () => agent.destroy());
    await program(...web(port));
    const local: (number | undefined)[] = [];
    for (const step of [
      () => program(...web(port), balancer('other', { clusterIPs: ['172.30.0.2'], healthCheckNodePort: 0 })),
      () => hear(balancer('web', { healthCheckNodePort: port })),
      () => clock.advance(60_000),
    ]) {
      await ask({ port, agent });
      local.push(Object.values(agent.freeSockets)[0]?.[0]?.localPort);
      await step();
    }
    expect(await ask({ port, agent })).toMatchObject({ status: 503 });
    expect(new Set(local).size).toBe(1);
    expect(local[0]).toBeDefined();
  });

  it('ends with its Service, and its connections with it', async () => {
    const { program, hear } = started();
    const [port = 0] = await freePorts(1);
    await program(...web(port));
    const idle = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(idle, 'connect');
    const ended = once(idle, 'close');
    await hear();
    await ended;
    await expect(ask({ port })).rejects.toMatchObject(refused);
    await expect(ask({ host: '::1', port })).rejects.toMatchObject(refused);
  });

  it('moves with its port, also when two Services change ports', async () => {
    const { program, told } = started();
    const [one = 0, two = 0] = await freePorts(2);
    const services = (first: number, second: number) => [
      balancer('web', { healthCheckNodePort: first }),
      balancer('other', { healthCheckNodePort: second, clusterIPs: ['172.30.0.2'] }),
    ];
    for (const [first, second] of [
      [one, two],
      [two, one],
    ] as const) {
      await program(...services(first, second));
      expect((await ask({ port: first })).body).toContain('"name": "web"');
      expect((await ask({ host: '::1', port: second })).body).toContain('"name": "other"');
    }
    await program(balancer('other', { healthCheckNodePort: two, clusterIPs: ['172.30.0.2'] }));
    expect((await ask({ port: two })).body).toContain('"name": "other"');
    await expect(ask({ port: one })).rejects.toMatchObject(refused);
    expect(told).toEqual([]);
  });

  it('listens only where node ports are, as that is now', async () => {
    const { program, sync, hear, world } = started();
    const [port = 0] = await freePorts(1);
    world.addresses = ['127.0.0.2'];
    await program(...web(port));
    expect(await ask({ host: '127.0.0.2', port })).toMatchObject({ status: 200 });
    await expect(ask({ port })).rejects.toMatchObject(refused);
    world.addresses = ['127.0.0.3', '::1'];
    await sync(await hear(...web(port)));
    expect(await ask({ host: '::1', port })).toMatchObject({ status: 200 });
    await expect(ask({ host: '127.0.0.2', port })).rejects.toMatchObject(refused);
  });
});

describe('a port in use', () => {
  it('is told once, tried again every 5 s and at each sync, and keeps nobody else', async () => {
    const { clock, told, program, sync, hear } = started();
    const { port, free } = await hold('127.0.0.1');
    const [other = 0] = await freePorts(1);
    const objects = [
      ...web(port),
      balancer('other', { healthCheckNodePort: other, clusterIPs: ['172.30.0.2'] }),
      localSlice('other', ['10.244.1.3']),
    ];
    await program(...objects);
    await program(...objects);
    await clock.advance(11_000);
    expect(told).toMatchObject([
      {
        kind: 'listen-failed',
        server: 'health-check-node-port',
        service: 'default/web',
        error: {
          code: 'NP-SERVE-002',
          message: `The health check of Service default/web cannot listen on node port ${port}: the port is in use.`,
        },
      },
    ]);
    expect(await ask({ port: other })).toMatchObject({ status: 200 });
    expect(await ask({ host: '::1', port })).toMatchObject({ status: 200 });
    await free();
    await clock.advance(5000);
    await expect
      .poll(() => ask({ port }))
      .toMatchObject({ status: 200, body: expect.stringContaining('"web"') });
    expect(clock.waiting).toBe(0);

    await hear();
    await hold('::1', port);
    const snapshot = await hear(...objects);
    expect(told).toHaveLength(2);
    for (const close of closers.splice(-1)) await close();
    await sync(snapshot);
    expect(await ask({ host: '::1', port })).toMatchObject({ status: 200 });
  });

  it('is no reason to go on after the end', async () => {
    const { clock, ports, program } = started();
    const { port } = await hold('127.0.0.1');
    await program(...web(port));
    expect(clock.waiting).toBe(1);
    await ports.stop();
    expect(clock.waiting).toBe(0);
    await expect(ask({ host: '::1', port })).rejects.toMatchObject(refused);
    ports.observe(heardSnapshot(snapshotOf([])));
  });
});
