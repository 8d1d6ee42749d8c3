import { describe, expect, it } from 'vitest';
import { defaultConfig, type ListenAddress } from '../../config/defaults.ts';
import { type DoorAnswer, urlOf } from './door.ts';
import { type Eyes, type OtherProxy, otherProxies, proxyError } from './other-proxies.ts';

type Answers = Readonly<Record<string, Partial<DoorAnswer>>>;

interface Scene {
  /** By URL. Only there somebody listens, unless `listeners` says more. */
  readonly answers?: Answers;
  readonly listeners?: readonly ListenAddress[];
  readonly processes?: readonly number[];
  readonly besideKubeProxy?: boolean;
  readonly metrics?: ListenAddress;
}

/** What was found, and which URLs were asked. */
async function found(scene: Scene): Promise<{ proxies: readonly OtherProxy[]; asked: readonly string[] }> {
  const { answers = {}, listeners, processes = [], besideKubeProxy = false, metrics } = scene;
  const asked: string[] = [];
  const doors = Object.keys(answers).map((url) => {
    const { hostname, port } = new URL(url);
    return { address: hostname.replace(/[[\]]/g, ''), port: Number(port) };
  });
  const eyes: Eyes = {
    readListeners: async () => listeners ?? doors,
    findProcesses: async (name) => (name === 'kube-proxy' ? processes : []),
    ask: async (door, path) => {
      const url = `${urlOf(door)}${path}`;
      asked.push(url);
      const answer = answers[url];
      return answer && { status: 200, server: undefined, body: '', ...answer };
    },
  };
  const serving = { ...defaultConfig.serving, ...(metrics && { metrics }) };
  const routing = { ...defaultConfig.routing, besideKubeProxy };
  return { proxies: await otherProxies({ serving, routing }, eyes), asked };
}

/** As kube-proxy 1.36 answers. */
const configz = { body: JSON.stringify({ 'kubeproxy.config.k8s.io': { mode: '' } }) };
const health = {
  body: JSON.stringify({ lastUpdated: '2026-01-01T00:00:00Z', currentTime: 'x', healthy: true }),
};
const nodeplaneConfigz = (serviceProxyName: string): Partial<DoorAnswer> => ({
  server: 'nodeplane',
  body: JSON.stringify({ 'kubeproxy.config.k8s.io': {}, 'nodeplane.dev': { serviceProxyName } }),
});

describe('kube-proxy', () => {
  it('is known by both doors and its process, and told as one', async () => {
    const { proxies } = await found({
      processes: [12],
      answers: {
        'http://127.0.0.1:10249/configz': configz,
        'http://127.0.0.1:10249/proxyMode': { body: 'ipvs' },
        'http://127.0.0.1:10256/healthz': { ...health, status: 503 },
      },
    });
    const seen = ['process 12', 'http://127.0.0.1:10249', 'http://127.0.0.1:10256'];
    expect(proxies).toEqual([{ kind: 'kube-proxy', seen, mode: 'ipvs' }]);
    expect(proxies.map((proxy) => proxyError(proxy).message)).toEqual([
      expect.stringContaining(
        'works on this node (process 12, http://127.0.0.1:10249, http://127.0.0.1:10256, mode ipvs) and',
      ),
    ]);
  });

  it.each<[string, Answers]>([
    ['its process alone', {}],
    ['the metrics door of an old one', { 'http://127.0.0.1:10249/proxyMode': { body: 'iptables' } }],
    ['the health door alone', { 'http://127.0.0.1:10256/healthz': health }],
    ['an address of the node', { 'http://192.0.2.7:10249/configz': configz }],
    ['an IPv6 address', { 'http://[fd00::7]:10256/healthz': health }],
    [
      'the one process of k3s',
      { 'http://[::1]:10249/configz': { body: '{"kubeletconfig":{},"kubeproxy.config.k8s.io":{}}' } },
    ],
  ])('is known by %s', async (_, answers) => {
    const processes = Object.keys(answers).length === 0 ? [3] : [];
    expect((await found({ answers, processes })).proxies).toMatchObject([{ kind: 'kube-proxy' }]);
  });

  it('is known at the addresses of our configuration, which may be its own', async () => {
    const answers = { 'http://127.0.0.1:9100/configz': configz };
    const metrics = { address: '0.0.0.0', port: 9100 };
    expect((await found({ answers })).proxies).toEqual([]);
    expect((await found({ answers, metrics })).proxies).toMatchObject([{ kind: 'kube-proxy' }]);
  });

  it('is not looked for beside a nodeplane with a name', async () => {
    const answers = { 'http://127.0.0.1:10249/configz': configz };
    const { proxies } = await found({ answers, processes: [1], besideKubeProxy: true });
    expect(proxies).toEqual([]);
  });
});

describe('what is not kube-proxy', () => {
  it('is not asked where it listens on other ports', async () => {
    const listeners = [22, 80, 10_250].map((port) => ({ address: '0.0.0.0', port }));
    expect(await found({ listeners })).toEqual({ proxies: [], asked: [] });
  });

  it.each<[string, Answers]>([
    ['somebody silent', {}],
    ['a web server', { 'http://127.0.0.1:10249/configz': { body: '<html>', server: 'nginx' } }],
    ['another health check', { 'http://127.0.0.1:10256/healthz': { body: 'ok' } }],
    ['JSON that means something else', { 'http://127.0.0.1:10256/healthz': { body: '["lastUpdated"]' } }],
    ['a refusal', { 'http://127.0.0.1:10249/proxyMode': { status: 404, body: 'iptables' } }],
    ['our own health door', { 'http://127.0.0.1:10256/healthz': { ...health, server: 'nodeplane' } }],
  ])('%s at its doors', async (_, answers) => {
    const listeners = [10_249, 10_256].map((port) => ({ address: '0.0.0.0', port }));
    const { proxies, asked } = await found({ answers, listeners });
    expect(proxies).toEqual([]);
    expect(asked).toContain('http://127.0.0.1:10249/configz');
  });
});

describe('another nodeplane', () => {
  it.each([
    ['', false, 1],
    ['', true, 0],
    ['a', false, 0],
    ['a', true, 1],
  ])(
    'named "%s", and we are beside kube-proxy (%s): %i in the way',
    async (theirs, besideKubeProxy, count) => {
      const answers = { 'http://127.0.0.1:10249/configz': nodeplaneConfigz(theirs) };
      const { proxies } = await found({ answers, besideKubeProxy });
      expect(proxies.map(({ kind }) => kind)).toEqual(Array(count).fill('nodeplane'));
    },
  );
});
