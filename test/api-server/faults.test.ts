import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { goLive, haste, type Live, type LiveOptions, until } from '../api-source/live.ts';
import { type Json, node, service, slice } from '../conformance/objects.ts';
import type { Fault, When } from './faults.ts';
import type { ApiServer } from './server.ts';

/** Of one resource within any second of the tests, which is 50 s of life: seven failures, each with a list and a watch, and what they repeat at once. */
const mostPerSecond = 20;

/** So long a fault lasts: a minute of life. */
const faultMilliseconds = 60_000 / haste;

/** Several run at a time, on a machine that may be slow. */
const timeout = 120_000;

const paths = [
  '/api/v1/services',
  '/apis/discovery.k8s.io/v1/endpointslices',
  '/api/v1/nodes',
  '/apis/networking.k8s.io/v1/servicecidrs',
];

function web(index: number, port = 80): Json {
  return service({ name: `web-${index}`, clusterIPs: [`10.0.0.${index}`], ports: [{ port }] });
}

function pods(index: number, last: number): Json {
  const endpoints = [{ address: `10.1.${index}.${last}`, node: 'node-1' }];
  return slice({ of: `web-${index}`, ports: [{ port: 8080 }], endpoints });
}

function fill(api: ApiServer): void {
  for (let index = 1; index <= 20; index++) api.put(web(index), pods(index, 1));
  api.put(
    node({ name: 'node-1', addresses: ['192.0.2.1'], zone: 'a' }),
    node({ name: 'node-2', addresses: [] }),
  );
  const spec = { cidrs: ['10.0.0.0/16'] };
  api.put({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec,
  });
}

/** Something of every kind, deletions too; `round` makes it differ. */
function change(api: ApiServer, round: number): void {
  api.put(web(1, 100 + round), pods(2, 100 + round), web(100 + round));
  api.remove(web(round));
  api.remove(pods(round, 1));
  api.put(node({ name: 'node-1', addresses: [`192.0.2.${round}`] }));
  const spec = { cidrs: [`10.${round}.0.0/16`] };
  api.put({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec,
  });
}

async function begin(options: LiveOptions = {}): Promise<Live> {
  const live = await goLive({
    ...options,
    prepare: (api) => {
      fill(api);
      return options.prepare?.(api);
    },
  });
  return live;
}

async function beginSynced(options: LiveOptions = {}): Promise<Live> {
  const live = await begin(options);
  await live.truth();
  return live;
}

function expectFewRequests({ api }: Live): void {
  const counts = paths.map((path) => `${path} ${api.requests.mostPerSecond(path) <= mostPerSecond}`);
  expect(counts).toEqual(paths.map((path) => `${path} true`));
}

const giant: Fault = { kind: 'giant-line', characters: 17 * 1024 * 1024 };
const tooBusy: Fault = { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 };

/** What the server does to every request. */
const troubles: readonly (readonly [string, Fault])[] = [
  ['closes at once', { kind: 'close' }],
  ['closes in the middle of a line', { kind: 'close-mid-line' }],
  ['answers 500', { kind: 'status', status: 500, reason: 'InternalError' }],
  ['answers 503', { kind: 'status', status: 503, reason: 'ServiceUnavailable' }],
  ['answers 429', tooBusy],
  ['resets the connection', { kind: 'reset', when: 'request' }],
  ['resets the connection in the middle', { kind: 'reset', when: 'body' }],
  ['is silent', { kind: 'silence', after: 'request' }],
  ['is silent after the head', { kind: 'silence', after: 'head' }],
  ['falls silent in the middle', { kind: 'silence', after: 'body' }],
  ['sends a malformed line', { kind: 'malformed-line' }],
  ['sends a giant line', giant],
  ['answers 410', { kind: 'gone', how: 'status' }],
  ['sends 410 as an event', { kind: 'gone', how: 'event' }],
  ['sends HTML', { kind: 'html' }],
  ['redirects', { kind: 'redirect', to: 'https://127.0.0.1:1/' }],
];

describe.concurrent('the state comes to the truth with few requests, after a time in which the server', {
  timeout,
}, () => {
  it.each(troubles)('%s', async (_, fault) => {
    await using live = await begin({ prepare: (api) => void api.fail(fault) });
    await pause(faultMilliseconds);
    expect(live.snapshots).toEqual([]);
    expectFewRequests(live);
    live.api.clearFaults();
    await live.truth();
    expect(live.snapshots).toHaveLength(1);
    // Once more, with something to lose.
    live.api.fail(fault);
    live.api.cut();
    change(live.api, 3);
    await pause(faultMilliseconds);
    expectFewRequests(live);
    live.api.clearFaults();
    await live.truth();
    change(live.api, 4);
    await live.truth();
    expectFewRequests(live);
    expect(live.findings).toEqual([]);
  });
});

/** What the server does to watches, while lists are well. */
const watchTroubles = troubles.filter(([, { kind }]) => kind !== 'silence' && kind !== 'giant-line');

describe.concurrent('the state follows by lists, with few requests, while for every watch the server', {
  timeout,
}, () => {
  it.each(watchTroubles)('%s', async (_, fault) => {
    const watches: When = { watch: true };
    await using live = await begin({ prepare: (api) => void api.fail(fault, watches) });
    await live.truth();
    change(live.api, 3);
    await live.truth();
    change(live.api, 4);
    await live.truth();
    expectFewRequests(live);
  });
});

describe.concurrent('the state follows', { timeout }, () => {
  it('where the server refuses streaming lists', async () => {
    await using live = await beginSynced({ server: { settings: { watchList: 'refused' } } });
    change(live.api, 3);
    await live.truth();
    expect(live.errors()).toEqual([]);
    expect(live.api.requests.all(paths[0])).toHaveLength(3);
  });

  it('where the server does not know of streaming lists', async () => {
    await using live = await beginSynced({ server: { settings: { watchList: 'ignored' } } });
    change(live.api, 3);
    await live.truth();
    expect(live.errors()).toEqual([]);
    expect(live.api.requests.all(paths[0])).toHaveLength(3);
  });

  it('where the server knows neither the field selector nor ServiceCIDRs', async () => {
    await using live = await begin({
      server: { settings: { oldSelectors: true, serviceCidrs: false, watchList: 'refused' } },
    });
    await until(() => live.synced, 'not synced');
    expect(live.events.filter(({ kind }) => kind === 'without')).toHaveLength(1);
    live.api.set({ serviceCidrs: true });
    await live.truth();
    change(live.api, 3);
    await live.truth();
    expect(live.errors()).toEqual([]);
  });

  it.each(['served', 'refused'] as const)('a compressed server (streaming lists %s)', async (watchList) => {
    await using live = await beginSynced({
      gzip: true,
      server: { settings: { watchList } },
      prepare: (api) => void api.fail({ kind: 'gzip' }),
    });
    change(live.api, 3);
    await live.truth();
    expect(live.errors()).toEqual([]);
  });

  it.each(['served', 'refused'] as const)('a trickle (streaming lists %s)', async (watchList) => {
    await using live = await begin({
      server: { settings: { watchList } },
      prepare: (api) => void api.fail({ kind: 'trickle', bytes: 97, milliseconds: 1 }),
    });
    await live.truth();
    change(live.api, 3);
    await live.truth();
    expectFewRequests(live);
  });

  it.each(['served', 'refused'] as const)(
    'an annotation of 200 kB (streaming lists %s)',
    async (watchList) => {
      const fat: Fault = { kind: 'giant-line', characters: 200_000 };
      await using live = await beginSynced({
        server: { settings: { watchList } },
        prepare: (api) => void api.fail(fat),
      });
      expect(live.errors()).toEqual([]);
    },
  );

  it('through the end of each watch, without a list', async () => {
    await using live = await beginSynced();
    await until(() => live.events.filter(({ kind }) => kind === 'resumed').length >= 4, 'no watch has ended');
    change(live.api, 3);
    await live.truth();
    expect(live.errors()).toEqual([]);
    expect(live.events.filter(({ kind }) => kind === 'listed')).toHaveLength(4);
    expect(live.snapshots.length).toBeLessThan(8);
  });
});

describe.concurrent('what was heard stays', { timeout }, () => {
  it.each(['refuse', 'reset', 'silent'] as const)(
    'while connections are met with: %s; then watches resume without a list',
    async (network) => {
      await using live = await beginSynced();
      const { length } = live.snapshots;
      await live.api.network(network);
      live.api.cut();
      change(live.api, 3);
      await pause(faultMilliseconds);
      expect(live.snapshots).toHaveLength(length);
      expect(
        live.errors().some((error) => error.includes('cannot be reached') || error.includes('failed')),
      ).toBe(true);
      await live.api.network('up');
      await live.truth();
      expectFewRequests(live);
      expect(live.events.filter(({ kind }) => kind === 'listed')).toHaveLength(4);
    },
  );

  it('through a compaction while the server was away; deletions are heard of too', async () => {
    await using live = await beginSynced();
    await live.api.network('refuse');
    live.api.cut();
    change(live.api, 3);
    live.api.compact();
    await live.api.network('up');
    await live.truth();
    expect(live.events.filter(({ kind }) => kind === 'listed').length).toBeGreaterThan(4);
    expectFewRequests(live);
  });

  it('when all is listed again and nothing has changed: nobody is told', async () => {
    await using live = await beginSynced();
    live.api.fail({ kind: 'gone', how: 'event' }, { watch: true, times: 8 });
    live.api.cut();
    const listed = (): number => live.events.filter(({ kind }) => kind === 'listed').length;
    await until(() => listed() >= 8, 'not listed again');
    change(live.api, 3);
    await live.truth();
    expect(live.snapshots.length).toBeLessThan(6);
  });

  it('when the server does not know a version so large: the newest state is asked for', async () => {
    await using live = await beginSynced();
    const message = 'Too large resource version: 2000, current: 1000';
    live.api.fail(
      { kind: 'status', status: 504, reason: 'Timeout', message },
      { path: '/api/v1/services', times: 1 },
    );
    live.api.cut();
    change(live.api, 3);
    await live.truth();
    const queries = live.api.requests.all('/api/v1/services').map(({ query }) => new URLSearchParams(query));
    expect(queries.slice(1).map((query) => query.get('resourceVersion') !== null)).toEqual([true, false]);
  });

  it('when a token expires: it is read again until it is a good one', async () => {
    let file = '';
    await using live = await beginSynced({
      server: { settings: { tokens: ['first'] } },
      prepare: async (api) => {
        file = join(api.directory, 'token');
        await writeFile(file, 'first\n');
        return api.writeKubeconfig('with-token', { tokenFile: file });
      },
    });
    live.api.set({ tokens: ['second'] });
    live.api.cut();
    change(live.api, 3);
    await pause(faultMilliseconds);
    expect(live.errors().join()).toContain('does not accept our credentials (401) for watch services');
    expectFewRequests(live);
    await writeFile(file, 'second\n');
    await live.truth();
  });

  it('when the server shows a certificate of another authority, or one that has expired', async () => {
    await using live = await beginSynced();
    for (const [round, certificate] of [{ authority: 'other' } as const, { expired: true }].entries()) {
      await live.api.present(certificate);
      live.api.cut();
      change(live.api, 3 + round);
      await pause(faultMilliseconds);
      expect(live.errors().at(-1)).toContain('The TLS connection to the API server');
      expectFewRequests(live);
      await live.api.present({});
      await live.truth();
    }
  });

  it('when a resource is forbidden, of which verb and resource are named', async () => {
    await using live = await begin({
      server: { settings: { forbidden: ['list endpointslices', 'watch endpointslices'] } },
    });
    const forbidden = () => live.errors().map((error) => /does not let us (.*?) \(403\)/.exec(error)?.[1]);
    const both = ['list endpointslices.discovery.k8s.io', 'watch endpointslices.discovery.k8s.io'];
    await until(() => new Set(forbidden()).size >= both.length, 'not both were tried');
    await pause(faultMilliseconds);
    expect(live.synced).toBe(false);
    expect([...new Set(forbidden())].map(String).sort()).toEqual(both);
    expectFewRequests(live);
    live.api.set({ forbidden: [] });
    await live.truth();
    live.api.set({ forbidden: ['watch services', 'list services'] });
    live.api.cut();
    change(live.api, 3);
    await pause(faultMilliseconds);
    expectFewRequests(live);
    live.api.set({ forbidden: [] });
    await live.truth();
  });

  it('of an object that becomes broken, and of all others', async () => {
    await using live = await beginSynced();
    live.api.put(service({ name: 'web-5', clusterIPs: ['nonsense'], ports: [{ port: 80 }] }), web(6, 8080));
    await until(() => live.findings.length > 0, 'no finding');
    expect(live.findings[0]).toMatchObject({ code: 'NP-OBJECT-001', object: 'Service default/web-5' });
    live.api.cut();
    live.api.put(web(5, 81));
    await live.truth();
    expect(live.findings).toEqual([]);
  });
});

// Not with others: it is their clock too.
describe('the state follows', { timeout }, () => {
  it.each([-86_400_000, 86_400_000, 3_155_760_000_000])(
    'through a jump of the clock by %i ms',
    async (jump) => {
      await using live = await beginSynced();
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + jump });
      onTestFinished(() => void vi.useRealTimers());
      change(live.api, 3);
      await live.truth();
      live.api.cut();
      change(live.api, 4);
      await live.truth();
      expectFewRequests(live);
      expect(live.events.filter(({ kind }) => kind === 'listed')).toHaveLength(4);
    },
  );
});
