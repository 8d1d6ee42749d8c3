import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { debugStateOf, nothingHeard } from '../../test/observe/debug-cluster.ts';
import { ask } from '../../test/observe/ports.ts';
import { type Bound, bind } from './bind.ts';
import { createMetricsRoutes, type MetricsRoutesOptions } from './metrics-routes.ts';

const state = debugStateOf(60);
const open: Bound[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bound) => bound.close()));
});

const usual: MetricsRoutesOptions = {
  metrics: {
    text: () => Promise.resolve('# HELP a b\n'),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  },
  mode: 'iptables',
  configz: () => ({ 'kubeproxy.config.k8s.io': { mode: 'iptables' } }),
  debug: state,
  profiling: () => false,
};

async function serving(more: Partial<MetricsRoutesOptions> = {}) {
  const troubles: Error[] = [];
  const handler = createMetricsRoutes({ ...usual, ...more });
  const bound = await bind({ address: '127.0.0.1', port: 0 }, handler, (error) => troubles.push(error));
  open.push(bound);
  return { port: bound.port, troubles };
}

describe('the metrics address', () => {
  it.each([
    ['/metrics', 'text/plain; version=0.0.4; charset=utf-8', '# HELP a b\n'],
    ['/metrics?x=1', 'text/plain; version=0.0.4; charset=utf-8', '# HELP a b\n'],
    ['/healthz', 'text/plain; charset=utf-8', 'ok'],
    ['/proxyMode', 'text/plain; charset=utf-8', 'iptables'],
    ['/configz', 'application/json', '{"kubeproxy.config.k8s.io":{"mode":"iptables"}}'],
  ])('answers %s as kube-proxy does', async (path, type, body) => {
    const { port } = await serving();
    const answer = await ask({ port, path });
    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'content-length': String(body.length),
    });
  });

  it('lists what it has at /', async () => {
    const { port } = await serving();
    const { status, body } = await ask({ port, path: '/' });
    expect(status).toBe(200);
    const paths = body.split('\n').map((line) => line.split(' ')[0]);
    expect(paths.join(' ')).toBe(
      '/metrics /healthz /proxyMode /configz /debug/snapshot /debug/routes /debug/plan ',
    );
  });

  it.each(['/nothing', '/metrics/', '//', '/livez', '/debug', '/%00', '/constructor'])(
    'has no %s',
    async (path) => {
      const { port } = await serving();
      const { status, body, headers } = await ask({ port, path });
      expect([status, body, headers['x-content-type-options']]).toEqual([
        404,
        '404 page not found\n',
        'nosniff',
      ]);
    },
  );

  it.each(['POST', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const { port } = await serving();
    const { status, headers } = await ask({ port, path: '/metrics', method });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it.each(['/metrics', '/debug/snapshot'])('answers HEAD of %s without a body', async (path) => {
    const { port } = await serving();
    const { status, body } = await ask({ port, path, method: 'HEAD' });
    expect([status, body]).toEqual([200, '']);
  });

  it('goes on after a mistake of ours', async () => {
    const { port, troubles } = await serving({
      metrics: { ...usual.metrics, text: () => Promise.reject(new Error('x')) },
    });
    expect(await ask({ port, path: '/metrics' })).toMatchObject({ status: 500 });
    expect(troubles).toHaveLength(1);
    expect(await ask({ port, path: '/proxyMode' })).toMatchObject({ status: 200 });
  });
});

describe('the debugging door', () => {
  async function json(path: string, more: Partial<MetricsRoutesOptions> = {}) {
    const { port } = await serving(more);
    const { status, body, headers } = await ask({ port, path });
    expect([status, headers['content-type'], headers['x-content-type-options']]).toEqual([
      200,
      'application/json',
      'nosniff',
    ]);
    const value: unknown = JSON.parse(body);
    return value;
  }

  it('shows the snapshot', async () => {
    const shown = await json('/debug/snapshot');
    expect(shown).toMatchObject({
      nodeName: 'node-a',
      node: { addresses: ['192.0.2.10'] },
      serviceCIDRs: {},
    });
    expect(shown).toHaveProperty(['services', 'team-07/service-00007', 'ports', 0, 'port'], 80);
    expect(shown).toHaveProperty([
      'slices',
      'team-07/service-00007-a1b2c',
      'ports',
      0,
      'endpoints',
      4,
      'address',
    ]);
    expect(shown).toHaveProperty(
      ['servicePorts', 'team-07/service-00007:http/tcp', 'endpoints', 'IPv4', 4, 'port'],
      8080,
    );
    expect(namesOf(shown, 'services')).toHaveLength(60);
    expect(namesOf(shown, 'services')).toEqual(namesOf(shown, 'services').toSorted());
  });

  it('shows the routes of each family', async () => {
    const shown = await json('/debug/routes');
    expect(shown).toMatchObject({
      families: [
        { family: 'IPv4', node: { family: 'IPv4' }, quarantined: ['team-01/service-00001:http/tcp'] },
        { family: 'IPv6', node: null, quarantined: [], routes: {} },
      ],
    });
    expect(shown).toHaveProperty(['families', 0, 'routes', 'team-07/service-00007:http/tcp', 'clusterIPs']);
  });

  it('shows the last plan of each family', async () => {
    const shown = await json('/debug/plan');
    expect(shown).toMatchObject({
      families: [{ dialect: 'iptables', cost: { steps: expect.any(Number) } }, { steps: [] }],
    });
    expect(shown).toHaveProperty(['families', 0, 'steps', 0, 'lines']);
  });

  it('shows one Service alone', async () => {
    const query = '?service=team-07/service-00007';
    const snapshot = await json(`/debug/snapshot${query}`);
    expect(namesOf(snapshot, 'services')).toEqual(['team-07/service-00007']);
    expect(namesOf(snapshot, 'slices')).toEqual(['team-07/service-00007-a1b2c']);
    expect(namesOf(snapshot, 'servicePorts')).toEqual(['team-07/service-00007:http/tcp']);
    expect(await json(`/debug/routes${query}`)).toMatchObject({ families: [{ quarantined: [] }, {}] });
    const plan = JSON.stringify(await json(`/debug/plan${query}`));
    expect(plan).toContain('team-07/service-00007');
    expect(plan).not.toMatch(/service-0000[^7]/);
    expect(await json('/debug/snapshot?service=no/such')).toMatchObject({
      services: {},
      slices: {},
      servicePorts: {},
    });
  });

  it('refuses a Service that is none', async () => {
    const { port } = await serving();
    const { status, body } = await ask({ port, path: '/debug/plan?service=web' });
    expect([status, body]).toEqual([400, expect.stringContaining('?service=default/web')]);
  });

  it('says that there is nothing yet', async () => {
    const { port } = await serving({ debug: nothingHeard });
    expect(await ask({ port, path: '/debug/snapshot' })).toMatchObject({ status: 503, body: /not synced/ });
    expect(await json('/debug/routes', { debug: nothingHeard })).toEqual({ families: [] });
  });

  it.each([
    ['127.0.0.1', false, 200],
    ['127.8.9.1', false, 200],
    ['::1', false, 200],
    ['::ffff:127.0.0.1', false, 200],
    ['10.0.0.1', false, 403],
    ['::ffff:10.0.0.1', false, 403],
    ['fd00::127', false, 403],
    ['10.0.0.1', true, 200],
    [undefined, false, 403],
  ])('for a peer at %s, with profiling %s, answers %i', async (remoteAddress, profiling, expected) => {
    const handler = createMetricsRoutes({ ...usual, debug: debugStateOf(1), profiling: () => profiling });
    const answer = async (url: string): Promise<number> => {
      const request = Object.assign(new IncomingMessage(socketFrom(remoteAddress)), { url, method: 'GET' });
      const response = new ServerResponse(request);
      await handler(request, response);
      return response.statusCode;
    };
    expect(await answer('/debug/plan')).toBe(expected);
    expect(await answer('/metrics')).toBe(200);
  });
});

function socketFrom(remoteAddress: string | undefined): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
}

function namesOf(shown: unknown, field: string): readonly string[] {
  const fields = new Map<string, unknown>(Object.entries(shown ?? {}));
  return Object.keys(fields.get(field) ?? {});
}
