import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { NodeplaneError } from '../errors.ts';
import { type Config, defaultConfig } from './defaults.ts';
import { emptyDocuments } from './file.ts';
import { loadConfig } from './load.ts';
import { fieldNotes } from './reference.ts';
import { type DocumentKind, documentSchemas } from './schema.ts';

/** A value that asks for something, one that is invalid, and what the value needs beside it. */
interface Sample {
  readonly asks: unknown;
  readonly invalid: unknown;
  readonly beside?: object;
}

const text = (asks: string): Sample => ({ asks, invalid: 3 });
const flag: Sample = { asks: true, invalid: 'yes' };
const duration: Sample = { asks: '7s', invalid: '7' };

const samples: Readonly<Record<DocumentKind, Readonly<Record<string, Sample>>>> = {
  KubeProxyConfiguration: {
    mode: { asks: 'ipvs', invalid: 'iptable' },
    'iptables.masqueradeBit': { asks: 3, invalid: 32 },
    'iptables.masqueradeAll': flag,
    'iptables.localhostNodePorts': { asks: false, invalid: 'no' },
    'iptables.syncPeriod': duration,
    'iptables.minSyncPeriod': duration,
    detectLocalMode: { asks: 'NodeCIDR', invalid: 'nodeCIDR' },
    'detectLocal.bridgeInterface': {
      asks: 'cni0',
      invalid: 'a b',
      beside: { detectLocalMode: 'BridgeInterface' },
    },
    'detectLocal.interfaceNamePrefix': {
      asks: 'cali',
      invalid: 'longer-than-ifname',
      beside: { detectLocalMode: 'InterfaceNamePrefix' },
    },
    clusterCIDR: { asks: '10.0.0.0/8', invalid: '10.0.0.0' },
    nodePortAddresses: { asks: ['primary'], invalid: ['all'] },
    bindAddress: { asks: '192.0.2.1', invalid: 'localhost' },
    hostnameOverride: { asks: 'n2', invalid: 'a/b' },
    'conntrack.maxPerCore': { asks: 0, invalid: -1 },
    'conntrack.min': { asks: 5, invalid: 1.5 },
    'conntrack.tcpEstablishedTimeout': duration,
    'conntrack.tcpCloseWaitTimeout': { asks: '0s', invalid: '-1s' },
    'conntrack.tcpBeLiberal': flag,
    'conntrack.udpTimeout': duration,
    'conntrack.udpStreamTimeout': duration,
    healthzBindAddress: { asks: '127.0.0.1', invalid: '127.0.0.1:0' },
    metricsBindAddress: { asks: '[::]:99', invalid: 'host:99' },
    bindAddressHardFail: flag,
    enableProfiling: flag,
    oomScoreAdj: { asks: 0, invalid: 1001 },
    'clientConnection.kubeconfig': text('/etc/kubeconfig'),
    featureGates: { asks: { NoSuchGate: true }, invalid: { NoSuchGate: 'maybe' } },
    'logging.format': { asks: 'json', invalid: 'xml' },
    'logging.verbosity': { asks: 4, invalid: -1 },
    'winkernel.networkName': text('x'),
    'winkernel.sourceVip': text('192.0.2.1'),
    'winkernel.enableDSR': flag,
    'winkernel.rootHnsEndpointName': text('x'),
    'winkernel.forwardHealthCheckVip': flag,
    windowsRunAsService: flag,
    'nftables.masqueradeBit': { asks: 3, invalid: 32 },
    'nftables.masqueradeAll': flag,
    'nftables.syncPeriod': duration,
    'nftables.minSyncPeriod': duration,
    'ipvs.syncPeriod': duration,
    'ipvs.minSyncPeriod': duration,
    'ipvs.scheduler': text('rr'),
    'ipvs.excludeCIDRs': { asks: ['10.0.0.0/8'], invalid: '10.0.0.0/8' },
    'ipvs.strictARP': flag,
    'ipvs.tcpTimeout': duration,
    'ipvs.tcpFinTimeout': duration,
    'ipvs.udpTimeout': duration,
    'clientConnection.acceptContentTypes': text('application/json'),
    'clientConnection.contentType': text('application/json'),
    'clientConnection.qps': { asks: 50, invalid: 'many' },
    'clientConnection.burst': { asks: 100, invalid: -1 },
    configSyncPeriod: { asks: '1m', invalid: '-1m' },
    showHiddenMetricsForVersion: { asks: '1.35', invalid: 'v1.35' },
    'logging.flushFrequency': { asks: '1s', invalid: 'soon' },
    'logging.vmodule': { asks: [{ filePattern: 'x', verbosity: 3 }], invalid: [{ file: 'x' }] },
    'logging.options.text.splitStream': flag,
    'logging.options.text.infoBufferSize': { asks: '1Ki', invalid: true },
    'logging.options.json.splitStream': flag,
    'logging.options.json.infoBufferSize': { asks: 1024, invalid: true },
    portRange: text('1-2'),
    udpIdleTimeout: duration,
    resourceContainer: text('/x'),
    'conntrack.max': { asks: 7, invalid: -1 },
  },
  NodeplaneConfiguration: {
    'iptables.variant': { asks: 'legacy', invalid: 'nf_tables' },
    kubeProxy: { asks: 'wait', invalid: 'kill' },
    apiServer: { asks: 'https://10.0.0.1:6443/', invalid: 'http://10.0.0.1:8080' },
    serviceProxyName: { asks: 'nodeplane', invalid: 'node plane' },
    'serving.healthz': { asks: false, invalid: 'off' },
    'serving.metrics': { asks: false, invalid: 'off' },
    events: { asks: false, invalid: 'off' },
  },
};

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-fields-'));
});
afterAll(() => rm(directory, { recursive: true }));

const kinds: readonly DocumentKind[] = ['KubeProxyConfiguration', 'NodeplaneConfiguration'];
const all = kinds.flatMap((kind) =>
  Object.entries(samples[kind]).map(([path, sample]) => ({ kind, path, ...sample })),
);

async function load(kind: DocumentKind, path: string, value: unknown, beside: object = {}): Promise<Config> {
  const nested = path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  const document = {
    ...emptyDocuments[kind],
    ...beside,
    ...Object.fromEntries(Object.entries(nested ?? {})),
  };
  const file = join(directory, 'config.json');
  await writeFile(file, JSON.stringify(document));
  return loadConfig({ file, flags: {}, host: { nodeName: undefined, hostname: 'n1' } });
}

/** Everything but the effect that is told. */
function decided(config: Config): object {
  return { ...config, withoutEffect: [] };
}

async function refusal(loading: Promise<Config>): Promise<string> {
  const thrown = await loading.then(
    () => 'loaded',
    (error: unknown) => error,
  );
  return thrown instanceof NodeplaneError ? `${thrown.code} ${thrown.message}` : String(thrown);
}

describe('every field', () => {
  it('of every document has samples here', () => {
    for (const kind of kinds) {
      expect(Object.keys(samples[kind]).sort()).toEqual(Object.keys(fieldNotes[kind]).sort());
      const top = Object.keys(documentSchemas[kind].entries).filter(
        (name) => !/^(?:apiVersion|kind)$/.test(name),
      );
      expect(new Set(Object.keys(samples[kind]).map((path) => path.split('.')[0]))).toEqual(new Set(top));
    }
  });

  it.each(all)('$path of $kind is refused when it is invalid', async ({ kind, path, invalid, beside }) => {
    const message = await refusal(load(kind, path, invalid, beside));
    expect(message).toMatch(/^NP-CONFIG-002 /);
    expect(message).toContain(`: ${path}`);
  });

  it.each(all)('$path of $kind may be null', async ({ kind, path }) => {
    expect(await load(kind, path, null)).toEqual({ ...defaultConfig, nodeName: 'n1' });
  });

  it.each(all)('$path of $kind does what its note says', async ({ kind, path, asks, beside }) => {
    const usual = decided({ ...defaultConfig, nodeName: 'n1' });
    const note = fieldNotes[kind][path];
    if (path === 'mode') {
      return expect(await refusal(load(kind, path, asks))).toMatch(/^NP-CONFIG-003 .*ipvs.*deprecated/);
    }
    if (note?.effect === 'refused') {
      const expected = `: ${path}: nodeplane does not do this: it ${note.meaning}`;
      return expect(await refusal(load(kind, path, asks, beside))).toContain(expected);
    }
    const config = await load(kind, path, asks, beside);
    if (path === 'featureGates') return expect(config.withoutEffect).toEqual(['featureGates.NoSuchGate']);
    if (note?.effect === 'none') expect(decided(config)).toEqual(usual);
    else expect(decided(config)).not.toEqual(usual);
    return expect(config.withoutEffect).toEqual(note?.effect === 'none' ? [path] : []);
  });
});

describe('the default in the note', () => {
  const noted = all
    .map((each) => ({
      ...each,
      byDefault: fieldNotes[each.kind][each.path]?.default.replaceAll('`', '') ?? '',
    }))
    .filter(({ path, byDefault }) => byDefault !== '' && path !== 'nodePortAddresses');

  it.each(noted)('of $path is what an absent field means: $byDefault', async ({ kind, path, byDefault }) => {
    const value: unknown = parse(byDefault);
    expect(await load(kind, path, value)).toEqual({ ...defaultConfig, nodeName: 'n1' });
  });
});

describe('values that are no request', () => {
  it.each([
    ['winkernel', { enableDSR: false, networkName: '', sourceVip: null, forwardHealthCheckVip: false }],
    ['ipvs', { syncPeriod: '30s', minSyncPeriod: '0s', scheduler: '', excludeCIDRs: [], strictARP: false }],
    ['nftables', { masqueradeBit: 14, syncPeriod: '0m30s', minSyncPeriod: '1000ms' }],
    ['clientConnection', { qps: 5, burst: 10, contentType: 'application/vnd.kubernetes.protobuf' }],
    ['configSyncPeriod', '15m'],
    ['featureGates', { TopologyAwareHints: true, NFTablesProxyMode: false }],
    ['windowsRunAsService', false],
  ])('%s: %j', async (path, value) => {
    expect(await load('KubeProxyConfiguration', path, value)).toEqual({ ...defaultConfig, nodeName: 'n1' });
  });
});

describe('feature gates', () => {
  it('that ask for the other state than nodeplane has are told', async () => {
    const gates = { TopologyAwareHints: false, NFTablesProxyMode: true, WatchListClient: true };
    const { withoutEffect } = await load('KubeProxyConfiguration', 'featureGates', gates);
    expect(withoutEffect).toEqual(['featureGates.TopologyAwareHints', 'featureGates.NFTablesProxyMode']);
  });
});

describe('where it listens', () => {
  it.each([
    [{}, '0.0.0.0:10256', '127.0.0.1:10249'],
    [{ bindAddress: '192.0.2.1' }, '0.0.0.0:10256', '127.0.0.1:10249'],
    [{ bindAddress: '::' }, ':::10256', '::1:10249'],
    [{ bindAddress: 'fd00::7' }, ':::10256', '::1:10249'],
    [{ healthzBindAddress: '192.0.2.1', metricsBindAddress: '0.0.0.0' }, '192.0.2.1:10256', '0.0.0.0:10249'],
    [{ healthzBindAddress: '::', metricsBindAddress: '[fd00::1]' }, ':::10256', 'fd00::1:10249'],
    [{ healthzBindAddress: '[FD00::1]:1', metricsBindAddress: '0.0.0.0:2' }, 'fd00::1:1', '0.0.0.0:2'],
  ])('with %j', async (fields, healthz, metrics) => {
    const { serving } = await load('KubeProxyConfiguration', 'mode', '', fields);
    const told = [serving.healthz, serving.metrics].map((each) => `${each?.address}:${each?.port}`);
    expect(told).toEqual([healthz, metrics]);
  });
});

describe('timeouts of connection tracking', () => {
  it.each([
    ['1500ms', 1],
    ['1ms', 1],
    ['2h', 7200],
    ['0s', undefined],
  ])('%s are %s seconds', async (timeout, seconds) => {
    const { conntrack } = await load('KubeProxyConfiguration', 'conntrack.tcpEstablishedTimeout', timeout);
    expect(conntrack.tcpEstablishedTimeoutSeconds).toBe(seconds);
  });
});
