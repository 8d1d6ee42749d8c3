import { afterEach, describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { balancer } from '../../test/observe/balancers.ts';
import { FakeEventsApi, type Reply } from '../../test/observe/fake-events-api.ts';
import { ManualClock } from '../../test/observe/manual-clock.ts';
import { heardSnapshot } from '../../test/observe/syncs.ts';
import { NodeplaneError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import { createEventRecorder } from './events.ts';
import type { Happening } from './happening.ts';
import { createLog } from './log.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const minute = 60_000;
const uid = '0f7f4dbc-1c28-4c4c-8d5e-7f9b4f1f4d6a';

/** A recorder that has said that it started, unless the server did not listen. */
async function started(api = new FakeEventsApi()) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', colour: false, write: (line) => lines.push(line) });
  const recorder = createEventRecorder({
    client: api,
    nodeName: 'node-a',
    version: '0.1.0',
    log,
    clock,
    random: () => 0.5,
  });
  stops.push(() => {
    const stopped = recorder.stop();
    return clock.advance(5000).then(() => stopped);
  });
  await clock.advance(0);
  const requests = () => api.requests.splice(0);
  const record = async (...happenings: readonly Happening[]) => {
    for (const happening of happenings) recorder.observe(happening);
    await clock.advance(0);
  };
  return { api, clock, lines, recorder, requests, record };
}

function finding(more: Partial<Finding> = {}): Finding {
  return {
    code: 'NP-OBJECT-002',
    object: 'Service shop/web',
    field: 'spec.externalIPs[0]',
    reason: 'must be an IP address, is "x"',
    uid,
    ...more,
  };
}

const stand = (...findings: readonly Finding[]): Happening => ({ kind: 'findings-stand', findings });
const drift = (chain = 'KUBE-SERVICES'): Happening => ({
  kind: 'drift-found',
  family: 'IPv4',
  chains: [chain],
});
const path = '/apis/events.k8s.io/v1/namespaces/default/events';

describe('an Event', () => {
  it('says at the start that the agent starts, on the Node', async () => {
    const { requests } = await started();
    expect(requests()).toEqual([
      {
        method: 'POST',
        path,
        type: 'application/json',
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^node-a\.[0-9a-f]{16}$/), namespace: 'default' },
          eventTime: '2026-01-02T03:04:05.678000Z',
          reportingController: 'nodeplane',
          reportingInstance: 'nodeplane-node-a',
          action: 'StartKubeProxy',
          reason: 'Starting',
          regarding: { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'node-a' },
          note: 'nodeplane 0.1.0',
          type: 'Normal',
        },
      },
    ]);
  });

  it('tells of a finding once as long as it stands, on its object', async () => {
    const { requests, record } = await started();
    requests();
    const slice = finding({ object: 'EndpointSlice shop/web-x1', code: 'NP-OBJECT-001', field: '' });
    const file = finding({ object: 'File web.yaml:1', code: 'NP-SOURCE-001' });
    const strange = finding({ object: 'Service shop/"a\\u0007"' });
    await record(stand(finding()), stand(finding(), slice, file, strange));
    expect(requests()).toMatchObject([
      {
        path: '/apis/events.k8s.io/v1/namespaces/shop/events',
        body: {
          regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web', uid },
          type: 'Warning',
          reason: 'InvalidField',
          action: 'ProgramRules',
          note: 'spec.externalIPs[0] must be an IP address, is "x". Correct or remove the entry. (NP-OBJECT-002)',
        },
      },
      {
        path: '/apis/events.k8s.io/v1/namespaces/shop/events',
        body: {
          regarding: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', name: 'web-x1' },
          reason: 'InvalidObject',
        },
      },
    ]);
  });

  it.each([
    [
      'healthz',
      undefined,
      'FailedToStartProxierHealthcheck',
      'StartKubeProxy',
      { kind: 'Node', uid: 'node-a' },
    ],
    ['metrics', undefined, 'FailedToStartMetricServer', 'StartKubeProxy', { kind: 'Node', uid: 'node-a' }],
    [
      'health-check-node-port',
      'default/web',
      'FailedToStartServiceHealthcheck',
      'Listen',
      { kind: 'Service', namespace: 'default', name: 'web', uid },
    ],
  ] as const)(
    'has the reason and action of kube-proxy when %s cannot listen',
    async (server, service, reason, action, regarding) => {
      const { requests, record } = await started();
      requests();
      const error = new NodeplaneError('NP-SERVE-002', {
        service: 'default/web',
        port: 32_000,
        reason: 'in use',
      });
      const snapshot = snapshotOf([balancer('web', { uid })]);
      await record(heardSnapshot(snapshot), { kind: 'listen-failed', server, service, error });
      expect(requests()).toMatchObject([
        {
          body: {
            type: 'Warning',
            reason,
            action,
            regarding,
            note: expect.stringContaining(`node node-a: ${error.message} ${error.remedy}`),
          },
        },
      ]);
    },
  );

  it('is shown with its Service also when who found it did not know its uid', async () => {
    const { requests, record } = await started();
    requests();
    const { uid: _, ...found } = finding({ code: 'NP-OBJECT-006', object: 'Service default/web' });
    await record(heardSnapshot(snapshotOf([balancer('web', { uid })])), stand(found));
    expect(requests()).toMatchObject([{ body: { reason: 'Quarantined', regarding: { name: 'web', uid } } }]);
  });

  it('has a note of at most 1024 bytes, and whole letters', async () => {
    const { requests, record } = await started();
    requests();
    await record(stand(finding({ reason: `a${'ü'.repeat(2000)}` })));
    const note = String(requests()[0]?.body['note']);
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(note)).toBeGreaterThan(1000);
    expect(note).toMatch(/^spec\.externalIPs\[0\] aü+…$/);
  });
});

describe('the same news again', () => {
  it('becomes a series: told at the second time, each 30 minutes, and at its end', async () => {
    const { requests, record, clock, api } = await started();
    requests();
    await record(drift());
    const [made] = requests();
    const name = String(Object(made?.body['metadata']).name);
    await record(drift());
    expect(requests()).toEqual([
      {
        method: 'PATCH',
        path: `${path}/${name}`,
        type: 'application/merge-patch+json',
        body: { series: { count: 2, lastObservedTime: '2026-01-02T03:04:05.678000Z' } },
      },
    ]);
    for (let at = 0; at < 40; at++) {
      await record(drift());
      await clock.advance(minute);
    }
    expect(requests()).toMatchObject([{ method: 'PATCH', body: { series: { count: 32 } } }]);
    await clock.advance(6 * minute);
    expect(requests()).toMatchObject([
      { method: 'PATCH', body: { series: { count: 42, lastObservedTime: '2026-01-02T03:43:05.678000Z' } } },
    ]);
    await record(drift());
    expect(requests()).toMatchObject([{ method: 'POST' }]);
    expect(api.requests).toEqual([]);
  });

  it('is made anew when the server has forgotten it', async () => {
    const { requests, record, api } = await started();
    await record(drift());
    requests();
    api.forget();
    await record(drift());
    expect(requests()).toMatchObject([
      { method: 'PATCH' },
      { method: 'POST', body: { reason: 'RulesChanged', series: { count: 2 } } },
    ]);
  });

  it('is no reason to remember it for ever', async () => {
    const { record, clock } = await started();
    await record(drift());
    await clock.advance(24 * 60 * minute);
    expect(clock.waiting).toBe(0);
  });
});

describe('much news', () => {
  it('about one object: 25 at once, then one each five minutes; others are not kept', async () => {
    const { requests, record, clock } = await started();
    requests();
    const many = Array.from({ length: 100 }, (_, at) => finding({ field: `spec.externalIPs[${at}]` }));
    await record(stand(...many), stand(...many, finding({ object: 'Service shop/other' })));
    await clock.advance(10_000);
    expect(requests()).toHaveLength(26);
    await record(stand());
    await clock.advance(10 * minute);
    await record(stand(...many.slice(50, 60)));
    await clock.advance(10_000);
    expect(requests()).toHaveLength(2);
  });

  it('is sent ten at once, and then five a second', async () => {
    const { requests, record, clock } = await started();
    await clock.advance(60_000);
    requests();
    await record(stand(...Array.from({ length: 40 }, (_, at) => finding({ object: `Service shop/s${at}` }))));
    expect(requests()).toHaveLength(10);
    await clock.advance(1000);
    expect(requests()).toHaveLength(5);
    await clock.advance(5000);
    expect(requests()).toHaveLength(25);
  });

  it('waits in a queue that never holds more than 1000, without the oldest', async () => {
    const { requests, record, clock, api } = await started();
    requests();
    api.reply = () => ({ status: 503 });
    await record(
      stand(...Array.from({ length: 3000 }, (_, at) => finding({ object: `Service shop/s${at}` }))),
    );
    api.reply = undefined;
    await clock.advance(1000 * 1000);
    const names = requests().map(({ body }) => Object(body['regarding']).name);
    expect(names.filter((name, at) => names.indexOf(name) === at)).toHaveLength(1001);
    expect(names[0]).toBe('s0');
    expect(names.at(-1)).toBe('s2999');
  });
});

describe('a server that', () => {
  const status =
    (code: number, body: unknown = {}): (() => Reply) =>
    () => ({ status: code, body });

  it.each([
    ['is away', () => new Error('ECONNREFUSED')],
    ['is overloaded', status(503)],
    ['does not know us yet', status(401)],
  ])('%s is asked again every 10 s, and told then', async (_, reply) => {
    const api = new FakeEventsApi();
    api.reply = reply;
    const { requests, clock, lines } = await started(api);
    expect(requests()).toHaveLength(1);
    await clock.advance(60_000);
    expect(requests().length).toBeLessThanOrEqual(6);
    api.reply = undefined;
    await clock.advance(15_000);
    expect(requests()).toMatchObject([
      { body: { reason: 'Starting', eventTime: '2026-01-02T03:04:05.678000Z' } },
    ]);
    expect(lines).toEqual([]);
  });

  it('is away for ever is asked twelve times for one Event', async () => {
    const api = new FakeEventsApi();
    api.reply = () => new Error('ECONNREFUSED');
    const { requests, clock } = await started(api);
    await clock.advance(60 * minute);
    expect(requests()).toHaveLength(12);
  });

  it('names a time is not asked before', async () => {
    const api = new FakeEventsApi();
    api.reply = () => ({ status: 429, retryAfterSeconds: 120 });
    const { requests, clock } = await started(api);
    requests();
    await clock.advance(119_999);
    expect(requests()).toEqual([]);
    await clock.advance(1);
    expect(requests()).toHaveLength(1);
  });

  it('wants to be left alone for years is asked again after five minutes', async () => {
    const api = new FakeEventsApi();
    api.reply = () => ({ status: 429, retryAfterSeconds: 999_999_999 });
    const { requests, clock } = await started(api);
    requests();
    await clock.advance(5 * minute);
    expect(requests()).toHaveLength(1);
  });

  it.each([
    ['forbids it', status(403, { message: 'events.events.k8s.io is forbidden' })],
    ['has no such API', status(404, { message: 'the server could not find the requested resource' })],
  ])('%s is left alone for ten minutes each time, which is logged once', async (_, reply) => {
    const api = new FakeEventsApi();
    api.reply = reply;
    const { requests, record, clock, lines } = await started(api);
    for (let second = 0; second < 60 * 60; second++) {
      await record(drift(`KUBE-${second}`));
      await clock.advance(1000);
    }
    expect(requests().length).toBeLessThanOrEqual(7);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('NP-API-005');
  });

  it('has no such namespace is told of others', async () => {
    const { api, requests, record, lines } = await started();
    requests();
    api.reply = ({ path: asked }) =>
      asked.includes('/shop/')
        ? { status: 404, body: { message: 'namespaces "shop" not found', details: { kind: 'namespaces' } } }
        : undefined;
    await record(stand(finding(), finding({ object: 'Service other/web' })));
    expect(requests()).toHaveLength(2);
    await record(stand(finding({ object: 'Service other/x' })));
    expect(requests()).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  it('refuses one is told of others, and asked once', async () => {
    const { api, requests, record, clock } = await started();
    requests();
    api.reply = ({ body }) => (body?.text.includes('"web"') === true ? { status: 422 } : undefined);
    await record(stand(finding(), finding({ object: 'Service shop/other' })));
    await clock.advance(minute);
    expect(requests()).toHaveLength(2);
  });
});

describe('the end', () => {
  it('comes after what waits is told', async () => {
    const { recorder, requests } = await started();
    requests();
    recorder.observe(drift());
    await recorder.stop();
    expect(requests()).toHaveLength(1);
    recorder.observe(drift('KUBE-OTHER'));
    expect(requests()).toEqual([]);
  });

  it.each(['silent', 'away'])('comes within two seconds when the server is %s', async (how) => {
    const api = new FakeEventsApi();
    if (how === 'silent') api.silent = true;
    else api.reply = () => new Error('ECONNREFUSED');
    const { recorder, clock } = await started(api);
    const stopped = recorder.stop();
    await clock.advance(2000);
    await stopped;
    expect(clock.waiting).toBe(0);
  });

  it('has nothing to end without a server', async () => {
    const clock = new ManualClock();
    const { log } = {
      log: createLog({ level: 'silent', format: 'json', colour: false, write: () => undefined }),
    };
    const options = { client: undefined, nodeName: 'n', version: '1', log, clock, random: Math.random };
    const recorder = createEventRecorder(options);
    recorder.observe(drift());
    await recorder.stop();
    expect(clock.waiting).toBe(0);
  });
});
