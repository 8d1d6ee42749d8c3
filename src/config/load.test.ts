import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeplaneError } from '../errors.ts';
import { type Config, defaultConfig } from './defaults.ts';
import type { ConfigFlags, FieldFlag } from './flags.ts';
import { loadConfig } from './load.ts';
import type { HostIdentity } from './node-name.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-config-'));
});
afterAll(() => rm(directory, { recursive: true }));

const machine: HostIdentity = { nodeName: undefined, hostname: 'Node-A' };

function defaults(flags: ConfigFlags = {}, host: HostIdentity = machine): Promise<Config> {
  return loadConfig({ flags, host });
}

/** Loads `kube` as the fields of a KubeProxyConfiguration, one per line from line 3 on. */
async function load(fields: string, flags: ConfigFlags = {}, host: HostIdentity = machine): Promise<Config> {
  return loadText(
    `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${fields}`,
    flags,
    host,
  );
}

async function loadText(
  text: string,
  flags: ConfigFlags = {},
  host: HostIdentity = machine,
): Promise<Config> {
  const file = join(directory, 'config.yaml');
  await writeFile(file, text);
  return loadConfig({ file, flags, host });
}

/** A flag that stands for the field of a KubeProxyConfiguration. */
function flagged(flag: string, path: string, value: unknown): FieldFlag {
  return { flag, text: String(value), kind: 'KubeProxyConfiguration', path: path.split('.'), value };
}

/** Code and message, the directory left out. */
async function refusal(loading: Promise<Config>): Promise<string> {
  const thrown: unknown = await loading.then(
    () => 'loaded',
    (error: unknown) => error,
  );
  if (!(thrown instanceof NodeplaneError)) return String(thrown);
  return `${thrown.code} ${thrown.message}`.replaceAll(`${directory}/`, '');
}

describe('without a file', () => {
  it("has kube-proxy's defaults", async () => {
    expect(await defaults()).toEqual({
      mode: 'iptables',
      iptablesVariant: 'auto',
      kubeProxy: 'refuse',
      serviceProxyName: undefined,
      nodeName: 'node-a',
      routing: {
        masqueradeAll: false,
        masqueradeBit: 14,
        detectLocal: { mode: 'None' },
        nodePortAddresses: { kind: 'all' },
        localhostNodePorts: true,
        besideKubeProxy: false,
        nodeAddresses: [],
      },
      // Unset means adaptive, where kube-proxy waits a second.
      sync: { minSyncPeriodMilliseconds: undefined, syncPeriodMilliseconds: 30_000 },
      client: { kubeconfig: undefined, server: undefined },
      conntrack: {
        maxPerCore: 32_768,
        min: 131_072,
        tcpEstablishedTimeoutSeconds: 86_400,
        tcpCloseWaitTimeoutSeconds: 3600,
        tcpBeLiberal: false,
        udpTimeoutSeconds: undefined,
        udpStreamTimeoutSeconds: undefined,
      },
      serving: {
        healthz: { address: '0.0.0.0', port: 10_256 },
        metrics: { address: '127.0.0.1', port: 10_249 },
        hardFail: false,
        profiling: false,
      },
      events: true,
      oomScoreAdj: -999,
      logging: { verbosity: 0, format: undefined },
      withoutEffect: [],
    });
    expect(await defaults()).toEqual({ ...defaultConfig, nodeName: 'node-a' });
  });

  it('takes flags', async () => {
    const fields = [
      flagged('--cluster-cidr', 'clusterCIDR', '10.244.7.9/16,fd00:10::/56'),
      flagged('--conntrack-min', 'conntrack.min', 5),
    ];
    expect(await defaults({ nodeName: 'n1', fields })).toMatchObject({
      nodeName: 'n1',
      routing: { detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16', 'fd00:10::/56'] } },
      conntrack: { min: 5, maxPerCore: 32_768 },
    });
  });

  it.each<[ConfigFlags, string]>([
    [
      { fields: [flagged('--mode', 'mode', 'nftables')] },
      'NP-CONFIG-003 The configuration asks for mode nftables, which nodeplane does not offer: it comes with a later version; use iptables until then.',
    ],
    [
      { fields: [flagged('--mode', 'mode', 'iptable')] },
      'NP-CLI-002 The value "iptable" of --mode is not usable: there is no mode "iptable" (did you mean iptables?).',
    ],
    [
      { fields: [flagged('--cluster-cidr', 'clusterCIDR', '10.0.0.0/8,11.0.0.0/8')] },
      'NP-CLI-002 The value "10.0.0.0/8,11.0.0.0/8" of --cluster-cidr is not usable: it is neither one CIDR nor a pair of an IPv4 and an IPv6 CIDR.',
    ],
    [
      { fields: [flagged('--oom-score-adj', 'oomScoreAdj', 2000)] },
      'NP-CLI-002 The value "2000" of --oom-score-adj is not usable: 2000 is not between -1000 and 1000.',
    ],
    [
      { fields: [flagged('--nodeport-addresses', 'nodePortAddresses', ['x'])] },
      'NP-CLI-002 The value "x" of --nodeport-addresses is not usable: "x" is no CIDR.',
    ],
    [
      { fields: [flagged('--detect-local-mode', 'detectLocalMode', 'BridgeInterface')] },
      'NP-CLI-002 The value "BridgeInterface" of --detect-local-mode is not usable: detectLocal.bridgeInterface: it is needed with detectLocalMode BridgeInterface.',
    ],
    [
      { fields: [flagged('--iptables-min-sync-period', 'iptables.minSyncPeriod', '1m')] },
      'NP-CLI-002 The value "1m" of --iptables-min-sync-period is not usable: iptables.syncPeriod: 30s is shorter than minSyncPeriod, which is 1m0s.',
    ],
    [
      { nodeName: 'a\nb' },
      'NP-CLI-002 The value "a\\nb" of --node is not usable: a Node is named with lower-case letters, digits, "-" and ".".',
    ],
  ])('refuses %j', async (flags, expected) => {
    expect(await refusal(defaults(flags))).toBe(expected);
  });
});

describe('the node name', () => {
  const host = { nodeName: 'from-env', hostname: 'FROM-HOST' };
  it('is the flag, else hostnameOverride, else $NODE_NAME, else the hostname in lower case', async () => {
    const names = [
      await load('hostnameOverride: " From-File "', { nodeName: 'from-flag' }, host),
      await load('hostnameOverride: " From-File "', {}, host),
      await load('hostnameOverride: ""', {}, host),
      await load('', {}, { nodeName: '', hostname: host.hostname }),
    ].map((config) => config.nodeName);
    expect(names).toEqual(['from-flag', 'from-file', 'from-env', 'from-host']);
  });

  it('is told where it came from when no Node can have it', async () => {
    expect(await refusal(defaults({}, { nodeName: undefined, hostname: 'my_host' }))).toContain(
      'the hostname',
    );
    expect(await refusal(defaults({}, { nodeName: 'A b', hostname: 'x' }))).toContain('$NODE_NAME');
  });
});

describe('a KubeProxyConfiguration', () => {
  it('as kubeadm writes it loads as the defaults with its cluster CIDR', async () => {
    const file = join(import.meta.dirname, '../../test/testdata/config/kubeadm.yaml');
    const config = await loadConfig({ file, flags: {}, host: machine });
    const expected = await defaults({
      fields: [flagged('--cluster-cidr', 'clusterCIDR', '10.244.0.0/16')],
    });
    const client = { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf', server: undefined };
    expect(config).toEqual({ ...expected, client });
  });

  it('as kube-proxy 1.36 itself writes it loads as its defaults, without a word', async () => {
    const file = join(import.meta.dirname, '../../test/testdata/config/kube-proxy-defaults.yaml');
    const config = await loadConfig({ file, flags: {}, host: machine });
    expect(config).toEqual({
      ...(await defaults()),
      sync: { minSyncPeriodMilliseconds: 1000, syncPeriodMilliseconds: 30_000 },
      logging: { verbosity: 0, format: 'text' },
    });
  });

  it.each<[string, object]>([
    ['iptables: {masqueradeBit: 0, masqueradeAll: true}', { masqueradeBit: 0, masqueradeAll: true }],
    ['iptables: {localhostNodePorts: false}', { localhostNodePorts: false }],
    ['iptables: null', { masqueradeBit: 14 }],
    ['detectLocalMode: ClusterCIDR\nclusterCIDR: ""', { detectLocal: { mode: 'None' } }],
    [
      'detectLocalMode: ClusterCIDR\nclusterCIDR: FD00:0::/48',
      { detectLocal: { mode: 'ClusterCIDR', cidrs: ['fd00::/48'] } },
    ],
    ['detectLocalMode: NodeCIDR\nclusterCIDR: 10.0.0.0/8', { detectLocal: { mode: 'NodeCIDR' } }],
    [
      'detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}',
      { detectLocal: { mode: 'BridgeInterface', name: 'cni0' } },
    ],
    [
      'detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: cali}',
      { detectLocal: { mode: 'InterfaceNamePrefix', prefix: 'cali' } },
    ],
    ['nodePortAddresses: [primary]', { nodePortAddresses: { kind: 'primary' } }],
    ['nodePortAddresses: []', { nodePortAddresses: { kind: 'all' } }],
    [
      'nodePortAddresses: [192.0.2.7/24, "::/0"]',
      { nodePortAddresses: { kind: 'cidrs', cidrs: ['192.0.2.0/24', '::/0'] } },
    ],
    ['bindAddress: "::"', { nodeAddresses: [] }],
    ['bindAddress: 192.0.2.007', { nodeAddresses: ['192.0.2.7'] }],
  ])('reads %s', async (fields, expected) => {
    expect((await load(fields)).routing).toMatchObject(expected);
  });

  it('takes 0s as unset', async () => {
    const { sync } = await load('iptables: {syncPeriod: 1m0s, minSyncPeriod: 0s}');
    expect(sync).toEqual({ syncPeriodMilliseconds: 60_000, minSyncPeriodMilliseconds: undefined });
  });

  it('is overruled by flags', async () => {
    const config = await load('mode: ipvs\nclusterCIDR: 10.0.0.0/8', {
      fields: [flagged('--mode', 'mode', 'iptables'), flagged('--cluster-cidr', 'clusterCIDR', '11.0.0.0/8')],
    });
    expect(config).toMatchObject({ mode: 'iptables', routing: { detectLocal: { cidrs: ['11.0.0.0/8'] } } });
  });

  it.each([
    ['nodePortAddress: []', '3:1: nodePortAddress: there is no such field (did you mean nodePortAddresses?)'],
    [
      'iptables:\n  masqueradebit: 3',
      '4:3: iptables.masqueradebit: there is no such field (did you mean masqueradeBit?)',
    ],
    ['iptables:\n  masqueradeBit: 32', '4:3: iptables.masqueradeBit: 32 is not between 0 and 31'],
    ['iptables: {masqueradeBit: 1.5}', '3:12: iptables.masqueradeBit: 1.5 is not a whole number'],
    ['iptables: {masqueradeBit: "3"}', '3:12: iptables.masqueradeBit: "3" is not a number'],
    ['iptables: {masqueradeAll: yes}', '3:12: iptables.masqueradeAll: "yes" is neither true nor false'],
    ['iptables: [1]', '3:1: iptables: a list is not a group of fields'],
    [
      'iptables: {syncPeriod: 30}',
      '3:12: iptables.syncPeriod: 30 is not a duration; write it as text, such as "30s"',
    ],
    [
      'iptables: {syncPeriod: 30x}',
      '3:12: iptables.syncPeriod: "30x" is not a duration, such as "30s" or "1m30s"',
    ],
    ['iptables: {syncPeriod: -1s}', '3:12: iptables.syncPeriod: it is negative'],
    ['iptables: {minSyncPeriod: -1s}', '3:12: iptables.minSyncPeriod: it is negative'],
    [
      'iptables: {syncPeriod: 500ms, minSyncPeriod: 1s}',
      '3:12: iptables.syncPeriod: 500ms is shorter than minSyncPeriod, which is 1s',
    ],
    ['mode: iptable', '3:1: mode: there is no mode "iptable" (did you mean iptables?)'],
    ['mode: 3', '3:1: mode: 3 is not text'],
    [
      'detectLocalMode: NodeCidr',
      '3:1: detectLocalMode: "NodeCidr" is none of "ClusterCIDR" | "NodeCIDR" | "BridgeInterface" | "InterfaceNamePrefix"',
    ],
    [
      'detectLocalMode: BridgeInterface',
      '1:1: detectLocal.bridgeInterface: it is needed with detectLocalMode BridgeInterface',
    ],
    [
      'detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: "a b"}',
      '4:15: detectLocal.interfaceNamePrefix: "a b" is no name of an interface',
    ],
    ['clusterCIDR: 10.0.0.0/33', '3:1: clusterCIDR: "10.0.0.0/33" is no CIDR, such as 10.244.0.0/16'],
    [
      'clusterCIDR: 10.0.0.0/8,fd00::/8,fd01::/16',
      '3:1: clusterCIDR: it is neither one CIDR nor a pair of an IPv4 and an IPv6 CIDR',
    ],
    [
      'nodePortAddresses:\n- 10.0.0.0/8\n- primary',
      '5:3: nodePortAddresses[1]: "primary" does not go together with other entries',
    ],
    [
      'nodePortAddresses: [all]',
      '3:21: nodePortAddresses[0]: "all" is no CIDR; leave the field out for all addresses',
    ],
    ['bindAddress: localhost', '3:1: bindAddress: "localhost" is no IP address'],
    ['hostnameOverride: a/b', '3:1: hostnameOverride: "a/b" is no name of a Node'],
    ['healthzBindAddress: 10256', '3:1: healthzBindAddress: 10256 is not text'],
    [
      'healthzBindAddress: "::1:x"',
      '3:1: healthzBindAddress: "::1:x" is not an IP address with a port, such as "0.0.0.0:10256"',
    ],
    ['oomScoreAdj: 1001', '3:1: oomScoreAdj: 1001 is not between -1000 and 1000'],
    ['conntrack: {min: -1}', '3:13: conntrack.min: -1 is not between 0 and 2147483647'],
    ['conntrack: {udpTimeout: -1s}', '3:13: conntrack.udpTimeout: it is negative'],
    ['featureGates: {X: maybe}', '3:16: featureGates.X: "maybe" is neither true nor false'],
    ['mode: ""\nmode: ""', '4:1: Map keys must be unique'],
    ['mode: !secret x', '3:7: Unresolved tag: !secret'],
    ['mode: *nowhere', '1:1: Unresolved alias (the anchor must be set before the alias): nowhere'],
    ['"a\\nb\\e[31m": 1', '3:1: a\\nb\\u{1b}[31m: there is no such field'],
  ])('refuses %s', async (fields, expected) => {
    const message = await refusal(load(fields));
    expect(message).toBe(
      `NP-CONFIG-002 The configuration file config.yaml is not valid:\nconfig.yaml:${expected}`,
    );
  });

  it.each(['ipvs', 'nftables', 'userspace', 'kernelspace'])('refuses mode %s by name', async (mode) => {
    expect(await refusal(load(`mode: ${mode}`))).toMatch(
      `NP-CONFIG-003 The configuration asks for mode ${mode}, which nodeplane does not offer: `,
    );
  });

  it.each(['0.0.0.0', '0.0.0.0:10256', '"[::1]:1"', '"::"', '"[::]"', '""'])(
    'may listen on %s',
    async (text) => {
      await expect(load(`healthzBindAddress: ${text}`)).resolves.toBeDefined();
    },
  );

  it.each(['0.0.0.0:0', '0.0.0.0:65536', '"[0.0.0.0]:1"', '"[::1"', 'host:1', '":1"'])(
    'may not listen on %s',
    async (text) => {
      expect(await refusal(load(`healthzBindAddress: ${text}`))).toContain(
        'is not an IP address with a port',
      );
    },
  );

  it('tells the first faults and counts the others', async () => {
    const message = await refusal(load(`nodePortAddresses: [${'x,'.repeat(50)}]`));
    expect(message.split('\n')).toHaveLength(10);
    expect(message).toMatch(/\nand 42 more$/);
  });
});

describe('the file', () => {
  const nodeplane = 'apiVersion: nodeplane.dev/v1alpha1\nkind: NodeplaneConfiguration\n';

  it('may hold our own settings too, or alone, or as JSON', async () => {
    const both = await load(`iptables: {masqueradeBit: 3}\n---\n${nodeplane}iptables: {variant: legacy}`);
    expect(both).toMatchObject({ iptablesVariant: 'legacy', routing: { masqueradeBit: 3 } });
    expect(await loadText(`---\n${nodeplane}iptables: {variant: nft}\n---\n`)).toMatchObject({
      iptablesVariant: 'nft',
    });
    const json = JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      iptables: { masqueradeBit: 7 },
    });
    expect(await loadText(json)).toMatchObject({ routing: { masqueradeBit: 7 } });
  });

  it.each([
    ['', '1:1: there is no document'],
    ['# nothing', '1:1: there is no document'],
    ['hello', '1:1: the document is not a group of fields'],
    ['- 1', '1:1: the document is not a group of fields'],
    ['mode: iptables', '1:1: kind: the field is missing'],
    ['kind: KubeProxyConfiguration', '1:1: apiVersion: the field is missing'],
    [
      'kind: KubeProxyConfiguration\napiVersion: v1',
      '2:1: apiVersion: "v1" is not "kubeproxy.config.k8s.io/v1alpha1"',
    ],
    [
      'kind: KubeProxyConfig',
      '1:1: kind: "KubeProxyConfig" is not known here (did you mean KubeProxyConfiguration?)',
    ],
    ['kind: [1]', '1:1: kind: [1] is not known here'],
    ['__proto__: {kind: KubeProxyConfiguration}', '1:1: kind: the field is missing'],
    [
      'kind: ConfigMap',
      '1:1: kind: this is the ConfigMap; the configuration is the text under its key config.conf',
    ],
    [
      `${nodeplane}iptables: {variant: nf_tables}`,
      '3:12: iptables.variant: "nf_tables" is none of "auto" | "legacy" | "nft"',
    ],
    [`${nodeplane}---\n${nodeplane}`, '4:1: a second NodeplaneConfiguration'],
    ['a: [', '1:5: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ])('%j is refused', async (text, expected) => {
    const message = await refusal(loadText(text));
    expect(message).toBe(
      `NP-CONFIG-002 The configuration file config.yaml is not valid:\nconfig.yaml:${expected}`,
    );
  });

  it('with a name for the service proxy means work beside kube-proxy, whose sysctls stay', async () => {
    const ours = 'apiVersion: nodeplane.dev/v1alpha1\nkind: NodeplaneConfiguration\nserviceProxyName: mesh\n';
    const { serviceProxyName, routing, conntrack } = await loadText(ours);
    expect([serviceProxyName, routing.besideKubeProxy]).toEqual(['mesh', true]);
    expect(conntrack).toEqual({ maxPerCore: 0, min: 0, tcpBeLiberal: false });
    const kube =
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nconntrack: { min: 7 }\n';
    expect((await loadText(`${ours}---\n${kube}`)).conntrack).toEqual({ ...conntrack, min: 7 });
    const flag = { flag: '--service-proxy-name', kind: 'NodeplaneConfiguration' } as const;
    const said = (value: string) => ({
      fields: [{ ...flag, text: value, path: ['serviceProxyName'], value }],
    });
    expect((await defaults(said('edge'))).serviceProxyName).toBe('edge');
    expect(await refusal(defaults(said('a b')))).toMatch(
      /^NP-CLI-002 .*"a b" of --service-proxy-name.* label/,
    );
  });

  it('is told when it cannot be read', async () => {
    const loading = loadConfig({ file: join(directory, 'no\nsuch'), flags: {}, host: machine });
    expect(await refusal(loading)).toBe(
      'NP-CONFIG-001 The configuration file no\\nsuch cannot be read: ENOENT: no such file or directory.',
    );
  });

  it('cannot blow up by aliases', async () => {
    const lines = Array.from(
      { length: 30 },
      (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]`,
    );
    expect(await refusal(loadText(`a0: &a0 [1]\n${lines.join('\n')}`))).toMatch(/NP-CONFIG-002 .*alias/is);
  });
});
