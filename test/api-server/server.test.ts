import { readFileSync } from 'node:fs';
import { type RequestOptions, request as send } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { node, service } from '../conformance/objects.ts';
import { control } from './control.ts';
import { type ApiServer, startApiServer } from './server.ts';

let api: ApiServer;
beforeEach(async () => {
  api = await startApiServer();
});
afterEach(async () => {
  await api.stop();
});

const web = service({ name: 'web', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] });
const dns = service({ name: 'dns', clusterIPs: ['10.0.0.2'], ports: [{ port: 53 }] });

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  /** Why the answer broke off. */
  readonly error: string | undefined;
}

/** Reads until the end, until the text holds `until`, or for so long. */
function ask(
  path: string,
  until?: string,
  options: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    let text = '';
    const ca = readFileSync(api.authorityFile);
    const request = send(`${api.url}${path}`, { ca, agent: false, ...options }, (response) => {
      const end = (error?: string): void => resolve({ status: response.statusCode, text, error });
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (until !== undefined && text.includes(until)) {
          end();
          request.destroy();
        }
      });
      response.on('end', () => end()).on('error', (error) => end(error.message));
    });
    request.end(options.body);
    request.on('error', (error) => resolve({ status: undefined, text, error: error.message }));
  });
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/"metadata":\{"name":"([^"]+)"/g)].map((match) => match[1] ?? '');
}

const services = '/api/v1/services';

describe('the scripted API server', () => {
  it('lists in pages, and all at once from version 0', async () => {
    api.put(web, dns);
    const first = await ask(`${services}?limit=1`);
    const next: string = JSON.parse(first.text).metadata.continue;
    const second = await ask(`${services}?limit=1&continue=${next}`);
    expect([namesIn(first.text), namesIn(second.text)]).toEqual([['dns'], ['web']]);
    expect(JSON.parse(second.text).metadata.continue).toBeUndefined();
    expect(JSON.parse(second.text).kind).toBe('ServiceList');
    expect(JSON.parse(second.text).items[0].kind).toBeUndefined();
    expect(namesIn((await ask(`${services}?limit=1&resourceVersion=0`)).text)).toEqual(['dns', 'web']);
    api.remove(web);
    api.compact();
    expect((await ask(`${services}?limit=1&continue=${next}`)).status).toBe(410);
  });

  it('watches from a version, with objects that enter and leave the selection', async () => {
    api.put(web);
    const { version } = api.store;
    const label = encodeURIComponent('!service.kubernetes.io/service-proxy-name');
    const watch = ask(
      `${services}?watch=true&resourceVersion=${version}&labelSelector=${label}&timeoutSeconds=1`,
    );
    const other = {
      metadata: { ...metadataOf(web), labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
    };
    api.put({ ...web, ...other });
    api.put(web);
    api.remove(web);
    const types = (await watch).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(['DELETED', 'ADDED', 'DELETED']);
  });

  it('streams the initial list up to its bookmark, or refuses, or ignores that', async () => {
    api.put(web, node({ name: 'a', addresses: [] }));
    const path = `${services}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`;
    const served = await ask(path, 'initial-events-end');
    expect(namesIn(served.text)).toEqual(['web']);
    expect(served.text).toContain(`"metadata":{"resourceVersion":"${api.store.version}","annotations"`);
    api.set({ watchList: 'refused' });
    expect((await ask(path)).status).toBe(422);
    api.set({ watchList: 'ignored' });
    const ignored = await ask(`${path}&timeoutSeconds=1`);
    expect(namesIn(ignored.text)).toEqual(['web']);
    expect(ignored.text).not.toContain('initial-events-end');
  });

  it('answers 410 as an event, 504 for the future, 400 to selectors that an old server lacks, 404 without ServiceCIDRs', async () => {
    api.put(web, dns);
    api.compact();
    expect((await ask(`${services}?watch=true&resourceVersion=5`)).text).toMatch(/"ERROR".*"Expired".*410/);
    expect((await ask(`${services}?resourceVersion=999999`)).status).toBe(504);
    const headless = `${services}?fieldSelector=${encodeURIComponent('spec.clusterIP!=10.0.0.1')}`;
    expect(namesIn((await ask(headless)).text)).toEqual(['dns']);
    api.set({ oldSelectors: true, serviceCidrs: false });
    expect((await ask(headless)).text).toContain('field label not supported: spec.clusterIP');
    const cidrs = await ask('/apis/networking.k8s.io/v1/servicecidrs');
    expect(JSON.parse(cidrs.text)).toMatchObject({ kind: 'Status', reason: 'NotFound', code: 404 });
    expect((await ask('/nothing')).text).toBe('404 page not found\n');
  });

  it('lets requests through that a fault is not for, and ends after so many times', async () => {
    api.put(web);
    api.fail(
      { kind: 'status', status: 503, retryAfterSeconds: 7 },
      { path: services, watch: false, times: 1 },
    );
    expect((await ask('/api/v1/nodes')).status).toBe(200);
    expect((await ask(services)).status).toBe(503);
    expect((await ask(services)).status).toBe(200);
    expect(api.requests.all(services)).toHaveLength(2);
    expect(api.requests.mostPerSecond()).toBe(3);
  });

  it('breaks answers as told', async () => {
    api.put(web);
    const { version } = api.store;
    const quiet = `${services}?watch=true&resourceVersion=${version}`;
    for (const path of [services, quiet]) {
      api.clearFaults();
      api.fail({ kind: 'close' });
      expect((await ask(path)).status).toBeUndefined();
      api.fail({ kind: 'reset' });
      expect((await ask(path)).error).toBe('read ECONNRESET');
      api.fail({ kind: 'close-mid-line' });
      expect(await ask(path)).toMatchObject({ status: 200, error: 'aborted' });
      api.fail({ kind: 'malformed-line' });
      expect((await ask(path, 'nonsense')).text).toContain('{nonsense}');
      api.fail({ kind: 'giant-line', characters: 1_000_000 });
      expect((await ask(path, '}\n')).text.length).toBeGreaterThan(1_000_000);
      api.fail({ kind: 'html' });
      expect((await ask(path)).text).toContain('<!doctype html>');
    }
  });

  it('creates and patches Events, and lists them by namespace', async () => {
    const object = {
      metadata: { generateName: 'web.', name: 'web.1' },
      reason: 'Refused',
      series: { count: 1 },
    };
    const events = '/apis/events.k8s.io/v1/namespaces/default/events';
    const sending = (method: string, path: string, body: object): Promise<Answer> =>
      ask(path, undefined, { method, body: JSON.stringify(body) });
    expect((await sending('POST', events, object)).status).toBe(201);
    expect((await sending('POST', events, object)).status).toBe(409);
    expect((await sending('PATCH', `${events}/web.1`, { series: { count: 2 } })).status).toBe(200);
    expect(JSON.parse((await ask(events)).text).items).toMatchObject([
      { reason: 'Refused', series: { count: 2 } },
    ]);
    expect(JSON.parse((await ask(events.replace('default', 'other'))).text).items).toEqual([]);
  });

  it('is steered by lines of JSON', async () => {
    const told = async (command: object): Promise<object> => control(api, JSON.stringify(command));
    const size = { services: 3, endpoints: 2, nodes: 1, seed: 5 };
    expect(await told({ do: 'fill', size })).toEqual({ ok: true, version: 1008 });
    await told({ do: 'fail', fault: { kind: 'status', status: 500 }, when: { times: 1 } });
    expect((await ask(services)).status).toBe(500);
    expect(namesIn((await ask('/apis/discovery.k8s.io/v1/endpointslices')).text)).toHaveLength(3);
    expect(await told({ do: 'count', path: services })).toMatchObject({ requests: 1, version: 1008 });
    expect(await told({ do: 'list', resource: 'nodes' })).toMatchObject({ objects: [{ kind: 'Node' }] });
    expect(await told({ do: 'put', objects: [{ kind: 'Pod' }] })).toMatchObject({ ok: false });
  });

  it('wants credentials, shows another certificate, refuses connections', async () => {
    api.set({ tokens: ['secret'], forbidden: ['list nodes'] });
    expect((await ask(services)).status).toBe(401);
    const headers = { authorization: 'Bearer secret' };
    expect((await ask(services, undefined, { headers })).status).toBe(200);
    expect((await ask('/api/v1/nodes', undefined, { headers })).status).toBe(403);
    await api.present({ authority: 'other' });
    expect((await ask(services)).error).toMatch(/self.signed|unable to/);
    await api.present({ expired: true });
    expect((await ask(services)).error).toMatch(/expired/);
    await api.present({ names: ['elsewhere'] });
    expect((await ask(services)).error).toMatch(/altnames/);
    await api.network('refuse');
    expect((await ask(services)).error).toMatch(/ECONNREFUSED/);
  });
});

function metadataOf(object: Readonly<Record<string, unknown>>): object {
  return typeof object['metadata'] === 'object' && object['metadata'] !== null ? object['metadata'] : {};
}
