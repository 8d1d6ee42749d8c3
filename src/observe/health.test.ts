import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/observe/manual-clock.ts';
import { ask } from '../../test/observe/ports.ts';
import { endedSync, heardSnapshot, snapshotWith } from '../../test/observe/syncs.ts';
import type { Family } from '../model/address.ts';
import { type Bound, bind } from './bind.ts';
import { goTime, microTime } from './go-time.ts';
import type { Happening } from './happening.ts';
import { createHealth } from './health.ts';
import { createHealthRoutes } from './health-routes.ts';

const dual: readonly Family[] = ['IPv4', 'IPv6'];

function started(families: readonly Family[] = dual, needsNode = true) {
  const clock = new ManualClock();
  const settings = { syncPeriodMilliseconds: 30_000 };
  const health = createHealth({
    families,
    needsNode,
    clock,
    syncPeriodMilliseconds: () => settings.syncPeriodMilliseconds,
  });
  const queue = (family: Family) => health.observe({ kind: 'sync-queued', family });
  const done = (family: Family, more: Parameters<typeof endedSync>[1] = {}) =>
    health.observe(endedSync(family, more));
  return { clock, health, settings, queue, done };
}

const heard = (snapshot = snapshotWith({})) => heardSnapshot(snapshot);

const staying = heard(snapshotWith({ deleting: false, taintKeys: ['node.kubernetes.io/unreachable'] }));

describe('the body', () => {
  it('is that of kube-proxy when all is well', async () => {
    const { clock, health, done } = started();
    health.observe(staying);
    done('IPv6');
    await clock.advance(22);
    done('IPv4');
    await clock.advance(1300);
    expect(health.livez()).toEqual({
      status: 200,
      body:
        '{"lastUpdated":"2026-01-02T03:04:07Z","currentTime":"2026-01-02T03:04:07Z","healthy":true,' +
        '"status":{"IPv4":{"lastUpdated":"2026-01-02T03:04:05.7Z","healthy":true},' +
        '"IPv6":{"lastUpdated":"2026-01-02T03:04:05.678Z","healthy":true}}}',
    });
    expect(health.healthz()).toEqual({
      status: 200,
      body:
        '{"lastUpdated":"2026-01-02T03:04:07Z","currentTime":"2026-01-02T03:04:07Z","nodeEligible":true,"healthy":true,' +
        '"status":{"IPv4":{"lastUpdated":"2026-01-02T03:04:05.7Z","healthy":true},' +
        '"IPv6":{"lastUpdated":"2026-01-02T03:04:05.678Z","healthy":true}}}',
    });
  });

  it('tells the last update of any family when one is late', async () => {
    const { clock, health, done, queue } = started();
    health.observe(staying);
    queue('IPv6');
    await clock.advance(40_000);
    done('IPv4');
    await clock.advance(20_000);
    expect(health.livez()).toEqual({
      status: 503,
      body:
        '{"lastUpdated":"2026-01-02T03:04:45.678Z","currentTime":"2026-01-02T03:05:05.678Z","healthy":false,' +
        '"status":{"IPv4":{"lastUpdated":"2026-01-02T03:04:45.678Z","healthy":true},' +
        '"IPv6":{"lastUpdated":"2026-01-02T03:04:05.678Z","healthy":false}}}',
    });
  });

  it('tells no update and no family before there is one', () => {
    const { health } = started([]);
    expect(health.livez().body).toBe(
      '{"lastUpdated":"2026-01-02T03:04:05.678Z","currentTime":"2026-01-02T03:04:05.678Z","healthy":true}',
    );
    expect(health.healthz()).toEqual({
      status: 503,
      body: '{"lastUpdated":"0001-01-01T00:00:00Z","currentTime":"2026-01-02T03:04:05.678Z","nodeEligible":false,"healthy":true}',
    });
  });
});

describe('a family', () => {
  it('is well before its first sync, and as long as nothing waits', async () => {
    const { clock, health, done, queue } = started();
    await clock.advance(3_600_000);
    expect(health.isHealthy()).toBe(true);
    queue('IPv4');
    done('IPv4');
    await clock.advance(3_600_000);
    expect(health.isHealthy()).toBe(true);
  });

  it('is ill after exactly twice the sync period, since the oldest change that waits', async () => {
    const { clock, health, queue, done } = started();
    queue('IPv4');
    await clock.advance(30_000);
    queue('IPv4');
    await clock.advance(29_999);
    expect(health.livez().status).toBe(200);
    await clock.advance(1);
    expect(health.livez().status).toBe(503);
    done('IPv4', { error: new Error('refused') });
    expect(health.livez().status).toBe(503);
    done('IPv4');
    expect(health.livez().status).toBe(200);
  });

  it('is well through continuous change with successful syncs', async () => {
    const { clock, health, queue, done } = started();
    for (let second = 0; second < 300; second++) {
      queue('IPv4');
      await clock.advance(1000);
      queue('IPv4');
      done('IPv4');
      expect(health.isHealthy()).toBe(true);
    }
  });

  it('is not covered up by the other', async () => {
    const { clock, health, queue, done } = started();
    queue('IPv6');
    for (let second = 0; second < 60; second++) {
      queue('IPv4');
      await clock.advance(1000);
      done('IPv4');
    }
    expect(health.isHealthy()).toBe(false);
  });

  it('that nobody announced counts from when it was queued', async () => {
    const { clock, health, queue } = started(['IPv4']);
    queue('IPv6');
    await clock.advance(60_000);
    expect(health.isHealthy()).toBe(false);
  });

  it('still waits for a change that came while the sync ran', async () => {
    const { clock, health, queue, done } = started();
    const [old, latest] = [snapshotWith({}), snapshotWith({ deleting: true })];
    queue('IPv4');
    await clock.advance(500);
    health.observe(heard(latest));
    queue('IPv4');
    await clock.advance(500);
    done('IPv4', { snapshot: old, milliseconds: 900 });
    await clock.advance(59_499);
    expect(health.isHealthy()).toBe(true);
    await clock.advance(1);
    expect(health.isHealthy()).toBe(false);
    done('IPv4', { snapshot: latest, milliseconds: 900 });
    expect(health.isHealthy()).toBe(true);
  });

  it('has its patience by the sync period as it is now', async () => {
    const { clock, health, queue, settings } = started();
    queue('IPv4');
    await clock.advance(20_000);
    settings.syncPeriodMilliseconds = 10_000;
    expect(health.isHealthy()).toBe(false);
    settings.syncPeriodMilliseconds = 10_001;
    expect(health.isHealthy()).toBe(true);
  });

  it('is judged by time that passed, not by what the clock on the wall says', () => {
    const { clock, health, queue } = started();
    queue('IPv4');
    clock.setDate(clock.date() + 86_400_000);
    expect(health.isHealthy()).toBe(true);
    expect(health.livez().body).toContain('"lastUpdated":"2026-01-03T03:04:05.678Z"');
  });
});

describe('the node', () => {
  it.each([
    ['unknown', heard(snapshotWith(undefined)), 503],
    ['plain', heard(), 200],
    ['with other taints', staying, 200],
    ['being deleted', heard(snapshotWith({ deleting: true })), 503],
    ['about to be removed', heard(snapshotWith({ taintKeys: ['ToBeDeletedByClusterAutoscaler'] })), 503],
  ] satisfies [string, Happening, number][])('%s: matters to healthz only', (_, happening, status) => {
    const { health } = started();
    health.observe(happening);
    const told = health.healthz();
    expect(told.status).toBe(status);
    expect(JSON.parse(told.body)).toMatchObject({ nodeEligible: status === 200, healthy: true });
    expect(health.livez().status).toBe(200);
    expect(health.livez().body).not.toContain('nodeEligible');
  });

  it('may do without a Node where none is needed, until there was one', () => {
    const { health } = started(dual, false);
    expect(health.healthz().status).toBe(503);
    health.observe(heard(snapshotWith(undefined)));
    expect(health.healthz().status).toBe(200);
    health.observe(staying);
    expect(health.healthz().status).toBe(200);
    health.observe(heard(snapshotWith(undefined)));
    expect(health.healthz().status).toBe(503);
  });
});

describe('over HTTP', () => {
  const open: Bound[] = [];
  afterEach(async () => {
    for (const bound of open.splice(0)) await bound.close();
  });

  async function answered(port: number, path: string, method = 'GET') {
    const { status, headers: all, body } = await ask({ port, path, method });
    const { date: _, connection: __, ...headers } = all;
    return { status, headers, body };
  }

  it('answers both paths with their headers, tells of it, and knows no other path', async () => {
    const { health } = started();
    const told: Happening[] = [];
    const routes = createHealthRoutes(health, (happening) => told.push(happening));
    const bound = await bind({ address: '127.0.0.1', port: 0 }, routes, () => undefined);
    open.push(bound);
    const headers = {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      server: 'nodeplane',
    };
    const { body } = health.livez();
    const length = { 'content-length': String(body.length) };
    expect(await answered(bound.port, '/livez')).toEqual({
      status: 200,
      headers: { ...headers, ...length },
      body,
    });
    expect(await answered(bound.port, '/healthz?verbose', 'POST')).toMatchObject({ status: 503, headers });
    expect(await answered(bound.port, '/livez', 'HEAD')).toMatchObject({ status: 200, headers, body: '' });
    for (const path of ['/', '/healthz/', '/livez/x', '/metrics']) {
      expect(await answered(bound.port, path)).toMatchObject({
        status: 404,
        headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
        body: '404 page not found\n',
      });
    }
    expect(told).toEqual([
      { kind: 'probe-answered', probe: 'livez', status: 200 },
      { kind: 'probe-answered', probe: 'healthz', status: 503 },
      { kind: 'probe-answered', probe: 'livez', status: 200 },
    ]);
  });
});

describe('a time', () => {
  it.each([
    ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678000Z'],
    ['2026-01-02T03:04:05.670Z', '2026-01-02T03:04:05.67Z', '2026-01-02T03:04:05.670000Z'],
    ['2026-01-02T03:04:00.000Z', '2026-01-02T03:04:00Z', '2026-01-02T03:04:00.000000Z'],
    ['2026-01-02T03:04:10.000Z', '2026-01-02T03:04:10Z', '2026-01-02T03:04:10.000000Z'],
  ])('%s is %s to Go and %s to Kubernetes', (iso, go, micro) => {
    expect(goTime(Date.parse(iso))).toBe(go);
    expect(microTime(Date.parse(iso))).toBe(micro);
  });
});
