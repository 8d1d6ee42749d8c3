import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Config, type ConntrackSettings, defaultConfig, type ServingSettings } from './defaults.ts';
import { loadConfig } from './load.ts';
import { fieldNotes } from './reference.ts';
import { configurationText, configz, writeConfiguration } from './write.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-write-'));
});
afterEach(() => rm(directory, { recursive: true }));

const usual: Config = { ...defaultConfig, nodeName: 'n1' };

function read(file: string): Promise<Config> {
  return loadConfig({ file, flags: {}, host: { nodeName: undefined, hostname: 'other' } });
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const seconds = optional(fc.integer({ min: 1, max: 10_000_000 }));
const address = fc.constantFrom('0.0.0.0', '::', '127.0.0.1', '::1', '192.0.2.7', 'fd00::7');
const listen = optional(fc.record({ address, port: fc.integer({ min: 1, max: 65_535 }) }));

const conntrack: fc.Arbitrary<ConntrackSettings> = fc.record({
  maxPerCore: fc.nat(),
  min: fc.nat(),
  tcpEstablishedTimeoutSeconds: seconds,
  tcpCloseWaitTimeoutSeconds: seconds,
  tcpBeLiberal: fc.boolean(),
  udpTimeoutSeconds: seconds,
  udpStreamTimeoutSeconds: seconds,
});

const serving: fc.Arbitrary<ServingSettings> = fc.record({
  healthz: listen,
  metrics: listen,
  hardFail: fc.boolean(),
  profiling: fc.boolean(),
});

const independent: fc.Arbitrary<Config> = fc.record({
  mode: fc.constant('iptables' as const),
  iptablesVariant: fc.constantFrom('auto' as const, 'legacy' as const, 'nft' as const),
  kubeProxy: fc.constantFrom('refuse' as const, 'wait' as const, 'ignore' as const),
  serviceProxyName: optional(fc.constantFrom('nodeplane', '1e3', 'true')),
  nodeName: fc.constantFrom('n1', 'node-7.example.com', '12345', 'null', 'true'),
  routing: fc.record({
    masqueradeAll: fc.boolean(),
    masqueradeBit: fc.integer({ min: 0, max: 31 }),
    localhostNodePorts: fc.boolean(),
    besideKubeProxy: fc.constant(false),
    nodeAddresses: fc.constantFrom([], ['192.0.2.7'], ['fd00::7']),
    detectLocal: fc.constantFrom(
      { mode: 'None' as const },
      { mode: 'NodeCIDR' as const },
      { mode: 'ClusterCIDR' as const, cidrs: ['10.244.0.0/16'] },
      { mode: 'ClusterCIDR' as const, cidrs: ['fd00:10::/56', '10.244.0.0/16'] },
      { mode: 'BridgeInterface' as const, name: 'cni0' },
      { mode: 'InterfaceNamePrefix' as const, prefix: '1e3' },
    ),
    nodePortAddresses: fc.constantFrom(
      { kind: 'all' as const },
      { kind: 'primary' as const },
      { kind: 'cidrs' as const, cidrs: ['192.0.2.0/24', '::/0'] },
    ),
  }),
  sync: fc.record({
    syncPeriodMilliseconds: fc.integer({ min: 60_000, max: 86_400_000 }),
    minSyncPeriodMilliseconds: optional(fc.integer({ min: 1, max: 60_000 })),
  }),
  client: fc.record({
    kubeconfig: optional(fc.constantFrom('/etc/kubeconfig', 'C: #1')),
    server: optional(fc.constantFrom('https://10.0.0.1:6443', 'https://[fd00::1]')),
  }),
  conntrack,
  serving,
  events: fc.boolean(),
  oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
  logging: fc.record({
    verbosity: fc.nat({ max: 10 }),
    format: fc.constantFrom('text' as const, 'json' as const, undefined),
  }),
  withoutEffect: fc.constant([]),
});

const configuration: fc.Arbitrary<Config> = independent.map(({ routing, ...config }) => ({
  ...config,
  routing: { ...routing, besideKubeProxy: config.serviceProxyName !== undefined },
}));

describe('a configuration that is written', () => {
  it('says the same when it is read', async () => {
    const file = join(directory, 'config.yaml');
    await fc.assert(
      fc.asyncProperty(configuration, async (config) => {
        await writeConfiguration(file, config);
        expect(await read(file)).toEqual(config);
      }),
      { numRuns: 100 },
    );
  });

  it('says every field that kube-proxy writes, with its defaults', async () => {
    const sample = join(import.meta.dirname, '../../test/testdata/config/kube-proxy-defaults.yaml');
    const theirs = parseAllDocuments(await readFile(sample, 'utf8'))[0]?.toJS();
    const [ours, nodeplane] = parseAllDocuments(configurationText(usual)).map((each) => each.toJS());
    const { format: _, ...logging } = theirs.logging;
    expect(ours).toEqual({
      ...theirs,
      mode: 'iptables',
      hostnameOverride: 'n1',
      featureGates: {},
      iptables: { ...theirs.iptables, minSyncPeriod: '0s' },
      logging,
    });
    const own = Object.keys(fieldNotes.NodeplaneConfiguration).map((path) => path.split('.')[0]);
    expect(new Set(Object.keys(nodeplane))).toEqual(new Set(['apiVersion', 'kind', ...own]));
  });

  it('is what /configz shows, by API group', () => {
    const shown = configz(usual);
    expect(Object.keys(shown)).toEqual(['kubeproxy.config.k8s.io', 'nodeplane.dev']);
    const documents = parseAllDocuments(configurationText(usual)).map((each) => each.toJS());
    expect(documents).toEqual(Object.values(shown));
  });
});

describe('the file', () => {
  it('is replaced as a whole, and nothing else is left', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, `${'x: 1\n'.repeat(10_000)}`);
    await writeConfiguration(file, usual);
    expect(await readFile(file, 'utf8')).toBe(configurationText(usual));
    expect(await readdir(directory)).toEqual(['config.yaml']);
  });

  it('stays where a link leads', async () => {
    await writeFile(join(directory, 'real.yaml'), '');
    await symlink('real.yaml', join(directory, 'link.yaml'));
    await writeConfiguration(join(directory, 'link.yaml'), usual);
    expect(await readFile(join(directory, 'real.yaml'), 'utf8')).toBe(configurationText(usual));
  });

  it('may be a device', async () => {
    await writeConfiguration('/dev/null', usual);
    expect(await readFile('/dev/null', 'utf8')).toBe('');
  });

  it.each(['no/such/file', '.'])('%j cannot be written, and that is told', async (name) => {
    const writing = writeConfiguration(join(directory, name), usual);
    await expect(writing).rejects.toMatchObject({ code: 'NP-CONFIG-004' });
    expect(await readdir(directory)).toEqual([]);
  });
});
