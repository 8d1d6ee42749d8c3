import { afterEach, describe, expect, it } from 'vitest';
import {
  type Following,
  type FollowOptions,
  follow,
  plain,
  truthOf,
} from '../../../test/api-source/follow.ts';
import type { Asked, Fault } from '../../../test/api-source/simulation.ts';
import { type Json, node, service, slice } from '../../../test/conformance/objects.ts';
import type { ObjectKind } from '../../model/change.ts';

let following: Following | undefined;

afterEach(async () => {
  await following?.stop();
  following = undefined;
});

const node1 = node({ name: 'node-1', addresses: ['192.0.2.1'], zone: 'a' });
const serviceCidr: Json = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: ['10.0.0.0/16'] },
};

function web(name = 'web', port = 80): Json {
  return service({ name, clusterIPs: ['10.0.0.1'], ports: [{ port }] });
}

function pods(...addresses: readonly string[]): Json {
  return slice({
    of: 'web',
    ports: [{ port: 8080 }],
    endpoints: addresses.map((address) => ({ address })),
  });
}

const cluster = [node1, serviceCidr, web(), pods('10.1.0.1')];

function begin(options: FollowOptions = {}): Following {
  following = follow({ objects: cluster, ...options });
  return following;
}

/** Started and synced. */
async function synced(options: FollowOptions = {}): Promise<Following> {
  const begun = begin(options);
  await begun.clock.pass(1000);
  expect(begun.outcome).toBe('synced');
  return begun;
}

function expectTruth({ snapshots, server }: Following): void {
  expect(plain(snapshots.at(-1))).toEqual(plain(truthOf(server.objects())));
}

/** What was asked of the resource: `watch-list ""`, `list 0`, `watch 12`. */
function asked({ server }: Following, kind: ObjectKind = 'Service'): readonly string[] {
  return server.asked
    .filter((each) => each.kind === kind)
    .map(({ query }) => `${way(query)} ${query['resourceVersion'] ?? '""'}`);
}

function way(query: Asked['query']): string {
  if (query['watch'] !== 'true') return query['continue'] === undefined ? 'list' : 'page';
  return query['sendInitialEvents'] === 'true' ? 'watch-list' : 'watch';
}

function told({ events }: Following, kind: ObjectKind = 'Service'): readonly string[] {
  return events
    .filter((event) => event.resource === kind && event.kind !== 'heard')
    .map((event) => event.kind);
}

function errors({ events }: Following, kind: ObjectKind = 'Service'): readonly string[] {
  return events.flatMap((event) =>
    event.kind === 'failed' && event.resource === kind ? [event.error.message] : [],
  );
}

/** The fault meets the first so many requests of the kind, or those that `when` chooses. */
function fail(
  fault: Fault,
  times = Number.POSITIVE_INFINITY,
  when: (asked: Asked) => boolean = () => true,
  kind: ObjectKind = 'Service',
) {
  let left = times;
  return (each: Asked): Fault | undefined => {
    if (each.kind !== kind || !when(each) || left <= 0) return undefined;
    left -= 1;
    return fault;
  };
}

const watching = ({ query }: Asked): boolean =>
  query['watch'] === 'true' && query['sendInitialEvents'] !== 'true';
const minute = 60_000;
const gone: Fault = { kind: 'line', line: '{"type":"ERROR","object":{"code":410,"reason":"Expired"}}' };

describe('the first hearing', () => {
  it('is one streaming list of each resource, with kube-proxy’s selectors, which goes on as a watch', async () => {
    const heard = await synced();
    expectTruth(heard);
    expect(heard.snapshots).toHaveLength(1);
    expect(heard.findings).toEqual([]);
    const { asked: requests } = heard.server;
    expect(requests).toHaveLength(4);
    const common = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: '300',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    };
    expect(Object.fromEntries(requests.map(({ path, query }) => [path, query]))).toEqual({
      '/api/v1/services': {
        ...common,
        labelSelector: '!service.kubernetes.io/service-proxy-name',
        fieldSelector: 'spec.clusterIP!=None',
      },
      '/apis/discovery.k8s.io/v1/endpointslices': {
        ...common,
        labelSelector: '!service.kubernetes.io/headless',
      },
      '/api/v1/nodes': { ...common, fieldSelector: 'metadata.name=node-1' },
      '/apis/networking.k8s.io/v1/servicecidrs': common,
    });
    expect(heard.events.filter(({ kind }) => kind === 'listed')).toHaveLength(4);
    expect(heard.events).toContainEqual({
      kind: 'listed',
      resource: 'EndpointSlice',
      how: 'watch-list',
      objects: 1,
      milliseconds: 0,
    });
  });

  it('with a name of its own is of the Services that carry it, also from a server that sends others', async () => {
    const labelled = (name: string, proxy: string): Json => ({
      ...web(name),
      metadata: { name, labels: { 'service.kubernetes.io/service-proxy-name': proxy } },
    });
    const objects = [...cluster, labelled('ours', 'mesh'), labelled('theirs', 'other')];
    const heard = await synced({ objects, serviceProxyName: 'mesh' });
    const ofServices = heard.server.asked.find(({ kind }) => kind === 'Service');
    expect(ofServices?.query).toMatchObject({
      labelSelector: 'service.kubernetes.io/service-proxy-name=mesh',
    });
    expect(Object.keys(plain(heard.snapshots.at(-1))?.services ?? {})).toEqual(['default/ours']);
  });

  it('is a paged list where the server refuses to stream, and the watch goes on from there', async () => {
    const many = Array.from({ length: 1200 }, (_, index) => web(`web-${index}`));
    const heard = await synced({
      objects: [...cluster, ...many],
      prepare: (server) => {
        server.watchLists = 'refused';
      },
    });
    expectTruth(heard);
    expect(asked(heard)).toEqual(['watch-list ""', 'list 0', 'page ""', 'page ""', 'watch 1001204']);
    expect(errors(heard)).toEqual([]);
    heard.server.put(web('more'));
    await heard.clock.pass(100);
    expectTruth(heard);
  });

  it('is a list after 10 s of silence where the server does not know of streaming and just watches', async () => {
    const heard = begin({
      prepare: (server) => {
        server.watchLists = 'ignored';
      },
    });
    await heard.clock.pass(9000);
    expect(heard.outcome).toBe('pending');
    await heard.clock.pass(2000);
    expect(heard.outcome).toBe('synced');
    expectTruth(heard);
    expect(asked(heard)).toEqual(['watch-list ""', 'list 0', 'watch 1000004']);
    heard.server.faultOf = fail(gone, 1, watching);
    await heard.clock.pass(6 * minute);
    expect(asked(heard).slice(3)).toEqual(['watch 1000004', 'list 1000004', 'watch 1000004']);
    await heard.clock.pass(30 * minute);
    heard.server.faultOf = fail(gone, 1, watching);
    await heard.clock.pass(6 * minute);
    expect(asked(heard)).toContain('watch-list 1000004');
  });

  it('ends within a minute also where an ignorant server never falls silent', async () => {
    const heard = begin({
      prepare: (server) => {
        server.watchLists = 'ignored';
      },
    });
    for (let second = 0; second < 70; second += 5) {
      heard.server.put(web('web', 1000 + second));
      await heard.clock.pass(5000);
    }
    expect(heard.outcome).toBe('synced');
    expectTruth(heard);
  });

  it('does without a field selector where the server does not know it, and leaves headless Services out itself', async () => {
    const headless = service({ name: 'headless', clusterIPs: ['None'], ports: [{ port: 80 }] });
    const heard = await synced({
      objects: [...cluster, headless],
      prepare: (server) => {
        server.oldSelectors = true;
      },
    });
    expectTruth(heard);
    expect(
      heard.server.asked.filter(({ kind }) => kind === 'Service').map(({ query }) => query['fieldSelector']),
    ).toEqual(['spec.clusterIP!=None', undefined]);
    expect(errors(heard)).toEqual([]);
  });

  it('does without ServiceCIDRs where the API has none, says so once, and finds them when they come', async () => {
    const heard = await synced({
      objects: [node1, web()],
      prepare: (server) => {
        server.without = new Set(['ServiceCIDR']);
      },
    });
    await heard.clock.pass(12 * minute);
    expect(told(heard, 'ServiceCIDR')).toEqual(['without']);
    // Six in the first half minute, then one in five minutes.
    expect(asked(heard, 'ServiceCIDR')).toHaveLength(8);
    heard.server.without = new Set();
    heard.server.put(serviceCidr);
    await heard.clock.pass(6 * minute);
    expect(told(heard, 'ServiceCIDR')).toEqual(['without', 'listed']);
    expectTruth(heard);
  });

  it('does not wait for a Node object: it is a finding until it comes', async () => {
    const heard = await synced({ objects: [web()] });
    expect(heard.findings.at(-1)?.map(({ code }) => code)).toEqual(['NP-OBJECT-005']);
    heard.server.put(node1);
    await heard.clock.pass(100);
    expect(heard.findings.at(-1)).toEqual([]);
    expectTruth(heard);
  });

  it('tells nothing before everything was heard, and keeps trying however long that takes', async () => {
    const heard = begin({
      prepare: (server) => {
        server.faultOf = fail({ kind: 'away' }, Number.POSITIVE_INFINITY, undefined, 'EndpointSlice');
      },
    });
    await heard.clock.pass(60 * minute);
    expect([heard.outcome, heard.snapshots]).toEqual(['pending', []]);
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(minute);
    expect(heard.outcome).toBe('synced');
    expectTruth(heard);
  });

  it('ends without a snapshot when the source is stopped meanwhile', async () => {
    const heard = begin({
      prepare: (server) => {
        server.faultOf = () => ({ kind: 'silence', bytes: undefined });
      },
    });
    await heard.clock.pass(100);
    await heard.stop();
    await heard.clock.pass(0);
    expect([heard.outcome, heard.snapshots]).toEqual(['synced', []]);
    const { length } = heard.server.asked;
    await heard.clock.pass(60 * minute);
    expect(heard.server.asked).toHaveLength(length);
  });
});

describe('following', () => {
  it('tells of changes at once, those that come together together', async () => {
    const heard = await synced();
    heard.server.put(web('web', 81));
    await heard.clock.pass(1);
    expect(heard.snapshots).toHaveLength(2);
    await heard.clock.pass(1000);
    heard.clock.patience = 200;
    for (let index = 0; index < 10_000; index++) heard.server.put(web(`web-${index % 500}`, 1 + index));
    heard.server.remove(pods());
    await heard.clock.pass(200);
    expectTruth(heard);
    expect(heard.snapshots.length).toBeLessThan(8);
  });

  it('resumes where a watch ended, without a list, and says nothing to the listener', async () => {
    const heard = await synced();
    await heard.clock.pass(16 * minute);
    expect(told(heard)).toEqual(['listed', 'resumed', 'resumed', 'resumed']);
    expect(asked(heard)).toEqual(['watch-list ""', 'watch 1000004', 'watch 1000004', 'watch 1000004']);
    heard.server.put(web('more'));
    await heard.clock.pass(100);
    heard.server.remove(web('more'));
    await heard.clock.pass(6 * minute);
    expect(asked(heard).at(-1)).toBe('watch 1000006');
    expect(heard.snapshots).toHaveLength(3);
    expectTruth(heard);
  });

  it('resumes from the version of a bookmark', async () => {
    const heard = await synced();
    heard.server.put(pods('10.1.0.2'));
    heard.server.put(pods('10.1.0.3'));
    await heard.clock.pass(6 * minute);
    expect(asked(heard).at(-1)).toBe('watch 1000006');
  });

  it('keeps all while the server is away, and resumes without a list when it comes back', async () => {
    const heard = await synced();
    heard.server.faultOf = () => ({ kind: 'away' });
    heard.server.put(web('more'));
    await heard.clock.pass(20 * minute);
    expect(heard.snapshots).toHaveLength(2);
    const before = heard.server.asked.length;
    expect(new Set(heard.server.asked.slice(4).map(({ query }) => way(query)))).toEqual(new Set(['watch']));
    heard.server.put(web('web', 81));
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(2 * minute);
    expectTruth(heard);
    expect(told(heard).filter((each) => each === 'listed')).toHaveLength(1);
    expect(before).toBeLessThan(4 * 60);
  });

  it('resumes without a list behind a server that has just started and does not know its roles', async () => {
    const heard = await synced();
    heard.server.put(web('more'));
    heard.server.faultOf = () => ({ kind: 'status', status: 403, reason: 'Forbidden' });
    // The watches of the beginning end, and whoever comes is turned away for some seconds.
    await heard.clock.pass(5 * minute + 5000);
    heard.server.put(web('web', 81));
    expect(asked(heard)).toEqual(['watch-list ""', ...Array(4).fill('watch 1000005')]);
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(10_000);
    for (const kind of ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const)
      expect(told(heard, kind)).toEqual(['listed', 'resumed', ...Array(4).fill('failed')]);
    expectTruth(heard);
  });

  it('is deaf for a moment only where something on the way cuts quiet connections, and lists rarely', async () => {
    const heard = await synced({
      times: { watchSilence: 50_000 },
      prepare: (server) => (server.bookmarks = false),
    });
    await heard.clock.pass(60 * minute);
    const waits = heard.events.flatMap((event) => (event.kind === 'failed' ? [event.retryMilliseconds] : []));
    expect(new Set(waits)).toEqual(new Set([800]));
    const lists = told(heard).filter((each) => each === 'listed').length;
    expect(lists).toBeLessThanOrEqual(7);
    expectTruth(heard);
  });

  it('lists again after a compaction, deletions included, and calls nobody when nothing has changed', async () => {
    const heard = await synced();
    heard.server.faultOf = () => ({ kind: 'away' });
    await heard.clock.pass(6 * minute);
    heard.server.remove(web());
    heard.server.put(web('more'));
    heard.server.compact();
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(2 * minute);
    expectTruth(heard);
    const { length } = heard.snapshots;
    heard.server.faultOf = () => ({ kind: 'away' });
    await heard.clock.pass(6 * minute);
    heard.server.put(pods('10.1.0.1'));
    heard.server.compact();
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(2 * minute);
    expect(told(heard).filter((each) => each === 'listed')).toHaveLength(3);
    expect(heard.snapshots).toHaveLength(length);
    expectTruth(heard);
  });

  it('lists soon when it hears after a long absence of the server that its version is gone, once', async () => {
    const heard = await synced();
    heard.server.faultOf = () => ({ kind: 'away' });
    await heard.clock.pass(10 * minute);
    heard.server.compact();
    heard.server.put(web('more'));
    heard.server.faultOf = fail({ kind: 'status', status: 410, reason: 'Expired' }, undefined, watching);
    const { length } = heard.server.asked;
    await heard.clock.pass(3 * minute);
    const times = heard.server.asked
      .slice(length)
      .flatMap(({ kind, query, at }) => (kind === 'Service' ? [{ way: way(query), at }] : []));
    expect(times.slice(0, 2).map((each) => each.way)).toEqual(['watch', 'watch-list']);
    const [first = 0, second = 0] = times.map(({ at }) => at);
    expect(second - first).toBe(800);
    expectTruth(heard);
  });

  it('lists no faster when lists are told the same', async () => {
    const heard = await synced();
    heard.server.faultOf = () => ({ kind: 'away' });
    await heard.clock.pass(10 * minute);
    heard.server.faultOf = () => ({ kind: 'status', status: 410, reason: 'Expired' });
    heard.server.asked.splice(0);
    await heard.clock.pass(10 * minute);
    expect(mostPerMinute(heard)).toBeLessThanOrEqual(8);
    heard.server.faultOf = () => undefined;
    heard.server.put(web('more'));
    await heard.clock.pass(minute);
    expectTruth(heard);
  });

  it('asks for the newest state when the server never had the version that it knew', async () => {
    const heard = await synced();
    heard.server.restore();
    heard.server.put(web('more'));
    await heard.clock.pass(20 * minute);
    expectTruth(heard);
    expect(asked(heard)).toContain('watch-list 1000004');
    expect(asked(heard).filter((each) => each === 'watch-list ""')).toHaveLength(2);
  });

  it('declares a silent connection dead after 150 s and resumes', async () => {
    const heard = await synced({
      prepare: (server) => {
        server.bookmarks = false;
      },
    });
    await heard.clock.pass(152_000);
    expect(asked(heard)).toEqual(['watch-list ""', 'watch 1000004']);
    expect(errors(heard)).toEqual([
      'The connection to https://simulation for watch services gave no sign of life for 150 s.',
    ]);
  });

  it.each<[string, Fault, string]>([
    ['HTML', { kind: 'html' }, 'the media type is text/html'],
    ['a line that is no JSON', { kind: 'line', line: '{"type":"ADD' }, 'it holds what is no JSON'],
    ['an HTML line', { kind: 'line', line: '<html>' }, 'HTML instead of JSON'],
    ['no event', { kind: 'line', line: '[]' }, 'a line is no event of a watch'],
    [
      'an event without version',
      { kind: 'line', line: '{"type":"ADDED","object":{}}' },
      'an event has no resourceVersion',
    ],
    ['a line past the limit', { kind: 'line', line: 'x'.repeat(17 * 1024 * 1024) }, 'a line is longer than'],
  ])('lists again after %s in a watch', async (_, fault, reason) => {
    const heard = await synced();
    heard.server.faultOf = fail(fault, 1, watching);
    await heard.clock.pass(6 * minute);
    expect(errors(heard)).toEqual([expect.stringContaining(reason)]);
    expect(asked(heard).at(-1)).toBe('watch-list 1000004');
    heard.server.put(web('more'));
    await heard.clock.pass(100);
    expectTruth(heard);
  });

  it('takes events of types that do not exist yet, and an annotation of 200 kB', async () => {
    const heard = await synced();
    heard.server.faultOf = fail({ kind: 'line', line: '{"type":"NEW","object":{}}' }, 1, watching);
    await heard.clock.pass(6 * minute);
    heard.server.put({
      ...web('fat'),
      metadata: { namespace: 'default', name: 'fat', annotations: { a: 'ü'.repeat(100_000) } },
    });
    await heard.clock.pass(100);
    expect(errors(heard)).toEqual([]);
    expectTruth(heard);
  });

  it('keeps the last good state of an object that becomes broken', async () => {
    const heard = await synced();
    heard.server.put(service({ name: 'web', clusterIPs: ['nonsense'], ports: [{ port: 80 }] }));
    await heard.clock.pass(100);
    expect(heard.snapshots).toHaveLength(1);
    expect(heard.findings.at(-1)?.[0]).toMatchObject({
      code: 'NP-OBJECT-001',
      object: 'Service default/web',
    });
    heard.server.compact();
    await heard.clock.pass(10 * minute);
    expect(heard.snapshots).toHaveLength(1);
    heard.server.remove(web());
    await heard.clock.pass(100);
    expect(heard.findings.at(-1)).toEqual([]);
    expectTruth(heard);
  });
});

describe('under failures', () => {
  it.each<[string, Fault, number]>([
    ['a server that closes each watch at once', { kind: 'end', bytes: 0 }, 20],
    ['a server that cuts each watch in the middle of a line', { kind: 'break', bytes: 20 }, 20],
    ['500 for each watch', { kind: 'status', status: 500 }, 20],
    ['403 for each watch', { kind: 'status', status: 403, reason: 'Forbidden' }, 20],
    ['410 for each watch', { kind: 'status', status: 410, reason: 'Expired' }, 20],
    ['410 as the first event of each watch', gone, 20],
  ])('converges by lists and asks little: %s', async (_, fault, most) => {
    const heard = await synced({
      prepare: (server) => {
        server.faultOf = fail(fault, undefined, watching);
        server.watchLists = 'refused';
      },
    });
    for (let count = 0; count < 10; count++) {
      heard.server.put(web('web', 100 + count));
      await heard.clock.pass(minute);
    }
    expect(mostPerMinute(heard)).toBeLessThanOrEqual(most);
    heard.server.put(web('web', 200));
    await heard.clock.pass(5 * minute);
    expectTruth(heard);
    expect(mostPerMinute(heard)).toBeLessThanOrEqual(most);
  });

  it.each<[string, Fault]>([
    ['closed at once', { kind: 'end', bytes: 0 }],
    ['broken off', { kind: 'break', bytes: 300 }],
    ['500', { kind: 'status', status: 500 }],
    ['410', { kind: 'status', status: 410, reason: 'Expired' }],
    ['HTML', { kind: 'html' }],
    ['silence', { kind: 'silence', bytes: 300 }],
    ['no answer', { kind: 'silence', bytes: undefined }],
  ])('of streaming lists alone (%s) it lists the other way', async (_, fault) => {
    const heard = begin({
      prepare: (server) => {
        server.faultOf = fail(fault, undefined, ({ query }) => query['sendInitialEvents'] === 'true');
      },
    });
    await heard.clock.pass(5 * minute);
    expect(heard.outcome).toBe('synced');
    expectTruth(heard);
    expect(mostPerMinute(heard)).toBeLessThanOrEqual(12);
  });

  it.each<[string, Fault]>([
    ['closed at once', { kind: 'end', bytes: 0 }],
    ['broken off', { kind: 'break', bytes: 300 }],
    ['no JSON', { kind: 'line', line: 'x' }],
    ['500', { kind: 'status', status: 500 }],
    ['401', { kind: 'status', status: 401 }],
    ['410', { kind: 'status', status: 410, reason: 'Expired' }],
    ['silence', { kind: 'silence', bytes: 300 }],
  ])('of everything for ten minutes (%s) it asks little and then converges', async (_, fault) => {
    const heard = begin({
      prepare: (server) => {
        server.faultOf = () => fault;
      },
    });
    await heard.clock.pass(10 * minute);
    expect([heard.outcome, heard.snapshots]).toEqual(['pending', []]);
    heard.server.faultOf = () => undefined;
    await heard.clock.pass(2 * minute);
    expect(heard.outcome).toBe('synced');
    expectTruth(heard);
    expect(mostPerMinute(heard)).toBeLessThanOrEqual(12);
  });

  it('waits as long as 429 and 503 ask', async () => {
    const heard = begin({
      prepare: (server) => {
        server.faultOf = fail({ kind: 'status', status: 429, retryAfter: 40 }, 2);
      },
    });
    await heard.clock.pass(100_000);
    expect(heard.server.asked.filter(({ kind }) => kind === 'Service').map(({ at }) => at)).toEqual([
      0, 40_000, 80_000,
    ]);
    expect(heard.outcome).toBe('synced');
  });

  it('says of a repeated failure that it is the same, until all was well for two minutes', async () => {
    const heard = await synced();
    heard.server.faultOf = fail({ kind: 'away' }, 4, watching);
    await heard.clock.pass(20 * minute);
    heard.server.faultOf = fail({ kind: 'away' }, 2, watching);
    await heard.clock.pass(10 * minute);
    const failures = heard.events.flatMap((event) => (event.kind === 'failed' ? [event] : []));
    expect(failures.map(({ unchanged, retryMilliseconds }) => `${unchanged} ${retryMilliseconds}`)).toEqual([
      'false 800',
      'true 1600',
      'true 3200',
      'true 6400',
      'false 800',
      'true 1600',
    ]);
  });

  it('restarts a list whose later pages have expired, without pages', async () => {
    const many = Array.from({ length: 1200 }, (_, index) => web(`web-${index}`));
    const heard = await synced({
      objects: [...cluster, ...many],
      prepare: (server) => {
        server.watchLists = 'refused';
        server.faultOf = fail(
          { kind: 'status', status: 410, reason: 'Expired' },
          1,
          ({ query }) => query['continue'] !== undefined,
        );
      },
    });
    expectTruth(heard);
    expect(asked(heard)).toEqual(['watch-list ""', 'list 0', 'page ""', 'list 0', 'watch 1001204']);
    expect(
      heard.server.asked.filter(({ kind }) => kind === 'Service').map(({ query }) => query['limit']),
    ).toEqual([undefined, '500', '500', undefined, undefined]);
  });
});

describe('without watching', () => {
  it('lists the newest state once', async () => {
    const heard = await synced({
      watch: false,
      prepare: (server) => {
        server.without = new Set(['ServiceCIDR']);
      },
    });
    expect(asked(heard)).toEqual(['list ""']);
    expect(heard.snapshots).toHaveLength(1);
    expect(heard.snapshots[0]?.node?.zone).toBe('a');
    await heard.clock.pass(60 * minute);
    expect(heard.server.asked).toHaveLength(4);
  });

  it('does without the field selector where it must', async () => {
    const heard = await synced({
      watch: false,
      prepare: (server) => {
        server.oldSelectors = true;
      },
    });
    expectTruth(heard);
  });

  it('tries four times, then throws', async () => {
    const heard = begin({
      watch: false,
      prepare: (server) => {
        server.faultOf = fail({ kind: 'away' });
      },
    });
    await heard.clock.pass(minute);
    expect(heard.outcome).toMatchObject({ code: 'NP-API-002' });
    expect(asked(heard)).toHaveLength(4);
    expect(heard.snapshots).toEqual([]);
  });

  it('throws after the first try that was silent for long', async () => {
    const heard = begin({
      watch: false,
      prepare: (server) => {
        server.faultOf = fail({ kind: 'silence', bytes: undefined });
      },
    });
    await heard.clock.pass(61_000);
    expect(heard.outcome).toMatchObject({ code: 'NP-API-008' });
    expect(asked(heard)).toHaveLength(1);
  });

  it('throws 403 at once, naming verb and resource', async () => {
    const heard = begin({
      watch: false,
      prepare: (server) => {
        server.faultOf = fail({ kind: 'status', status: 403 }, undefined, undefined, 'EndpointSlice');
      },
    });
    await heard.clock.pass(minute);
    expect(heard.outcome).toMatchObject({
      code: 'NP-API-005',
      message: expect.stringContaining('list endpointslices.discovery.k8s.io'),
    });
    expect(asked(heard, 'EndpointSlice')).toHaveLength(1);
  });

  it('ends without a snapshot when it is stopped', async () => {
    const heard = begin({
      watch: false,
      prepare: (server) => {
        server.faultOf = fail({ kind: 'silence', bytes: undefined });
      },
    });
    await heard.clock.pass(1000);
    await heard.stop();
    await heard.clock.pass(0);
    expect([heard.outcome, heard.snapshots]).toEqual(['synced', []]);
  });
});

/** The most requests of one resource that came within any minute, after the second in which all begins. */
function mostPerMinute({ server }: Following): number {
  const kinds = [...new Set(server.asked.map(({ kind }) => kind))];
  return Math.max(
    ...kinds.map((kind) => {
      const times = server.asked.filter((each) => each.kind === kind).map(({ at }) => at);
      return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + minute).length));
    }),
  );
}
