import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { node } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { balancer, localSlice } from '../../test/observe/balancers.ts';
import { FakeEventsApi } from '../../test/observe/fake-events-api.ts';
import { ManualClock } from '../../test/observe/manual-clock.ts';
import { ask, freePorts, holdPort } from '../../test/observe/ports.ts';
import { endedSync, heardSnapshot } from '../../test/observe/syncs.ts';
import { type Config, defaultConfig } from '../config/defaults.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Happening } from '../observe/happening.ts';
import { createLog } from '../observe/log.ts';
import { createObservers, type Observers, type ObserversOptions, type Opening } from './observers.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function prepared() {
  const [healthz = 0, metrics = 0, checks = 0] = await freePorts(3);
  const api = new FakeEventsApi();
  const clock = new ManualClock();
  const lines: string[] = [];
  const narrated: Happening[] = [];
  const config: Config = {
    ...defaultConfig,
    nodeName: 'node-a',
    serving: {
      ...defaultConfig.serving,
      healthz: { address: '127.0.0.1', port: healthz },
      metrics: { address: '127.0.0.1', port: metrics },
    },
  };
  const world: { current: Config; snapshot: Snapshot | undefined } = { current: config, snapshot: undefined };
  const options: ObserversOptions = {
    current: () => world.current,
    families: ['IPv4', 'IPv6'],
    needsNode: true,
    log: createLog({ level: 'debug', format: 'json', colour: false, write: (line) => lines.push(line) }),
    narrate: (happening) => narrated.push(happening),
  };
  const debug = { snapshot: () => world.snapshot, families: () => [] };
  const opening = (more: Partial<Opening> = {}): Opening => ({ config, client: api, debug, ...more });
  const start = async (
    more: Partial<Opening> = {},
    without: Partial<ObserversOptions> = {},
  ): Promise<Observers> => {
    const host = {
      exec: () => Promise.reject(new Error('there are no programs')),
      sysctls: {
        read: async () => undefined,
        set: async () => false,
        raise: async () => false,
      },
      random: () => 0,
      clock,
    };
    const observers = createObservers({ ...options, ...without }, host);
    closers.push(() => observers.stop());
    await observers.open(opening(more));
    return observers;
  };
  const ports = { healthz, metrics, checks };
  const hear = (observers: Observers) => {
    const snapshot = snapshotOf([
      node({ name: 'node-a', addresses: ['192.168.50.11'] }),
      balancer('web', { healthCheckNodePort: checks }),
      localSlice('web', ['10.244.1.1']),
    ]);
    world.snapshot = snapshot;
    observers.observe(heardSnapshot(snapshot));
    for (const family of options.families) observers.observe({ kind: 'sync-queued', family });
    return snapshot;
  };
  const sync = (observers: Observers, snapshot: Snapshot) => {
    for (const family of options.families) observers.observe(endedSync(family, { snapshot }));
  };
  return { api, clock, lines, narrated, config, world, ports, opening, start, hear, sync };
}

describe('the observers', () => {
  it('serve health, metrics and health checks, and write Events', async () => {
    const { ports, start, hear, sync, api } = await prepared();
    const observers = await start();
    expect(await ask({ port: ports.healthz, path: '/healthz' })).toMatchObject({ status: 503 });
    sync(observers, hear(observers));
    expect(await ask({ port: ports.healthz, path: '/healthz' })).toMatchObject({ status: 200 });
    const shown = await ask({ port: ports.metrics, path: '/metrics' });
    expect(shown.body).toContain('kubeproxy_proxy_healthz_total{code="503"} 1\n');
    expect(await ask({ port: ports.metrics, path: '/proxyMode' })).toMatchObject({ body: 'iptables' });
    const configured = JSON.parse((await ask({ port: ports.metrics, path: '/configz' })).body);
    expect(configured['kubeproxy.config.k8s.io']).toMatchObject({ kind: 'KubeProxyConfiguration' });
    for (const host of ['127.0.0.1', '::1'])
      await expect.poll(() => ask({ host, port: ports.checks })).toMatchObject({ status: 200 });
    expect(api.requests).toMatchObject([{ body: { reason: 'Starting' } }]);
  });

  it('leave no port taken, so that others can start with another configuration at once', async () => {
    const { ports, start, hear, sync } = await prepared();
    for (let time = 0; time < 3; time++) {
      const observers = await start();
      sync(observers, hear(observers));
      await expect.poll(() => ask({ port: ports.checks })).toMatchObject({ status: 200 });
      await observers.stop();
      for (const port of Object.values(ports))
        await expect(ask({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  it('judge health by the sync period as it is now', async () => {
    const { ports, start, hear, clock, world, config } = await prepared();
    const observers = await start();
    hear(observers);
    await clock.advance(30_000);
    expect(await ask({ port: ports.healthz, path: '/livez' })).toMatchObject({ status: 200 });
    world.current = { ...config, sync: { ...config.sync, syncPeriodMilliseconds: 10_000 } };
    expect(await ask({ port: ports.healthz, path: '/livez' })).toMatchObject({ status: 503 });
    expect(await ask({ port: ports.checks })).toMatchObject({ status: 503 });
  });

  it('serve and write nothing that is not wanted', async () => {
    const { ports, start, config, api } = await prepared();
    const serving = { ...config.serving, healthz: undefined, metrics: undefined };
    await start({ config: { ...config, serving, events: false } });
    for (const port of [ports.healthz, ports.metrics])
      await expect(ask({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(api.requests).toEqual([]);
  });

  it('go on when one of them fails, which is logged once', async () => {
    const { ports, start, hear, sync, lines, world } = await prepared();
    const observers = await start();
    const snapshot = hear(observers);
    world.current = {
      ...world.current,
      routing: {
        ...world.current.routing,
        get nodePortAddresses(): never {
          throw new Error('broken');
        },
      },
    };
    sync(observers, snapshot);
    sync(observers, snapshot);
    expect(await ask({ port: ports.healthz, path: '/healthz' })).toMatchObject({ status: 200 });
    observers.observe({ kind: 'drift-found', family: 'IPv4', chains: ['KUBE-SERVICES'] });
    const told = lines.filter((line) => line.includes('an observer of the agent failed'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('"observer":"nodePorts"');
  });
});

describe('opened with another configuration', () => {
  it('keep ports that stay, health checks and counters', async () => {
    const { ports, start, hear, sync, opening, config, api } = await prepared();
    const observers = await start();
    sync(observers, hear(observers));
    await expect.poll(() => ask({ port: ports.checks })).toMatchObject({ status: 200 });
    expect(await ask({ port: ports.healthz, path: '/healthz' })).toMatchObject({ status: 200 });
    const waiting = [ports.healthz, ports.checks].map((port) => connect(port, '127.0.0.1'));
    await Promise.all(waiting.map((socket) => once(socket, 'connect')));
    await observers.leave();
    expect(await ask({ port: ports.checks })).toMatchObject({ status: 200 });
    const serving = { ...config.serving, metrics: { address: '::1', port: ports.metrics } };
    await observers.open(opening({ config: { ...config, serving } }));
    expect(await ask({ port: ports.checks })).toMatchObject({ status: 200 });
    expect(waiting.map((socket) => socket.readyState)).toEqual(['open', 'open']);
    for (const socket of waiting) socket.destroy();
    await expect(ask({ port: ports.metrics })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const shown = await ask({ host: '::1', port: ports.metrics, path: '/metrics' });
    expect(shown.body).toContain('kubeproxy_proxy_healthz_total{code="200"} 1\n');
    expect(api.requests.map(({ body }) => body)).toMatchObject([
      { reason: 'Starting' },
      { reason: 'Starting' },
    ]);
  });

  it('may give one server the address of the other', async () => {
    const { ports, start, opening, config } = await prepared();
    const observers = await start();
    const { healthz, metrics } = config.serving;
    const serving = { ...config.serving, healthz: metrics, metrics: healthz, hardFail: true };
    await observers.open(opening({ config: { ...config, serving } }));
    expect(await ask({ port: ports.metrics, path: '/livez' })).toMatchObject({ status: 200 });
    expect(await ask({ port: ports.healthz, path: '/proxyMode' })).toMatchObject({ body: 'iptables' });
  });
});

describe('an address in use', () => {
  it('is told to the log, to metrics and as an Event, and tried again', async () => {
    const { ports, start, narrated, api, clock } = await prepared();
    const holder = await holdPort('127.0.0.1', ports.healthz);
    closers.push(holder.free);
    await start();
    expect(narrated).toMatchObject([
      { kind: 'listen-failed', server: 'healthz', error: { code: 'NP-SERVE-001' } },
    ]);
    await expect
      .poll(() => api.requests)
      .toMatchObject([
        { body: { reason: 'Starting' } },
        { body: { reason: 'FailedToStartProxierHealthcheck' } },
      ]);
    const shown = await ask({ port: ports.metrics, path: '/metrics' });
    expect(shown.body).toContain('nodeplane_listen_failures_total{server="healthz"} 1\n');
    await holder.free();
    await clock.advance(5000);
    await expect.poll(() => ask({ port: ports.healthz, path: '/livez' })).toMatchObject({ status: 200 });
  });

  it('ends all when it is to, after the Event, and leaves nothing behind', async () => {
    const { ports, start, config, api, clock } = await prepared();
    const holder = await holdPort('127.0.0.1', ports.metrics);
    closers.push(holder.free);
    const starting = start({ config: { ...config, serving: { ...config.serving, hardFail: true } } });
    await expect(starting).rejects.toMatchObject({ code: 'NP-SERVE-001' });
    for (const close of closers.splice(0).reverse()) await close();
    expect(api.requests).toMatchObject([
      { body: { reason: 'Starting' } },
      { body: { reason: 'FailedToStartMetricServer' } },
    ]);
    await expect(ask({ port: ports.healthz })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(clock.waiting).toBe(0);
  });
});
