import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config/defaults.ts';
import { loadConfig } from '../config/load.ts';
import { fieldNotes } from '../config/reference.ts';
import { NodeplaneError } from '../errors.ts';
import { flagTable } from './flags.ts';
import { kubeProxyFlags } from './kube-proxy-flags.ts';
import { parse } from './parse.ts';
import { readSettings, type Settings } from './settings.ts';

const testdata = join(import.meta.dirname, '../../test/testdata');

function read(...argv: readonly string[]): Settings {
  const invocation = parse(['run', ...argv], 'x', 80);
  if (invocation.kind !== 'call') throw new Error('help was asked for');
  return readSettings(invocation.flags, invocation.kubeProxy);
}

function load(...argv: readonly string[]): Promise<Config> {
  const { config, configFile } = read(...argv);
  return loadConfig({ file: configFile, flags: config, host: { nodeName: undefined, hostname: 'host' } });
}

async function refusal(argv: readonly string[]): Promise<string> {
  try {
    await load(...argv);
    return 'loaded';
  } catch (thrown) {
    return thrown instanceof NodeplaneError ? `${thrown.code} ${thrown.message}` : String(thrown);
  }
}

describe("kube-proxy's flags", () => {
  it('are all known to run: the list is that of kube-proxy 1.36 --help', () => {
    const theirs = readFileSync(join(testdata, 'cli/kube-proxy-flags.txt'), 'utf8').trim().split('\n');
    expect(theirs).toContain('--conntrack-tcp-be-liberal');
    const own = Object.values(flagTable).map(({ flag }) => flag);
    const known: readonly string[] = [...own, ...kubeProxyFlags.map(({ flag }) => flag)];
    // Help is commander's, and --version stands before a verb here.
    expect(theirs.filter((flag) => !known.includes(flag))).toEqual(['--help', '--version']);
  });

  it('stand for fields that there are, each for its own, and do not clash with ours', () => {
    const fields = kubeProxyFlags.flatMap(({ field }) => field ?? []);
    expect(fields.filter((field) => fieldNotes.KubeProxyConfiguration[field] === undefined)).toEqual([]);
    expect(new Set(fields).size).toBe(fields.length);
    const names = [...Object.values(flagTable), ...kubeProxyFlags].map(({ flag }) => flag);
    expect(new Set(names).size).toBe(names.length);
  });

  it('each set their field', async () => {
    const values: Readonly<Record<string, string>> = {
      '--proxy-mode': 'iptables',
      '--hostname-override': ' N2 ',
      '--bind-address': '192.0.2.1',
      '--healthz-bind-address': '127.0.0.1',
      '--metrics-bind-address': '[::1]:99',
      '--iptables-masquerade-bit': '3',
      '--iptables-sync-period': '1m',
      '--iptables-min-sync-period': '10s',
      '--detect-local-mode': 'BridgeInterface',
      '--pod-bridge-interface': 'cni0',
      '--nodeport-addresses': '192.0.2.0/24, fd00::/8',
      '--conntrack-max-per-core': '0',
      '--conntrack-min': '7',
      '--conntrack-tcp-timeout-established': '0s',
      '--conntrack-tcp-timeout-close-wait': '5m',
      '--conntrack-udp-timeout': '30s',
      '--conntrack-udp-timeout-stream': '60s',
      '--oom-score-adj': '-998',
      '--logging-format': 'json',
      '--v': '4',
    };
    const config = await load(
      ...Object.entries(values).map(([flag, value]) => `${flag}=${value}`),
      '--profiling',
      '--bind-address-hard-fail=true',
      '--masquerade-all=1',
      '--iptables-localhost-nodeports=false',
      '--conntrack-tcp-be-liberal',
    );
    expect(config).toEqual({
      mode: 'iptables',
      iptablesVariant: 'auto',
      serviceProxyName: undefined,
      kubeProxy: 'refuse',
      nodeName: 'n2',
      routing: {
        masqueradeAll: true,
        masqueradeBit: 3,
        detectLocal: { mode: 'BridgeInterface', name: 'cni0' },
        nodePortAddresses: { kind: 'cidrs', cidrs: ['192.0.2.0/24', 'fd00::/8'] },
        localhostNodePorts: false,
        besideKubeProxy: false,
        nodeAddresses: ['192.0.2.1'],
      },
      sync: { minSyncPeriodMilliseconds: 10_000, syncPeriodMilliseconds: 60_000 },
      client: { kubeconfig: undefined, server: undefined },
      conntrack: {
        maxPerCore: 0,
        min: 7,
        tcpEstablishedTimeoutSeconds: undefined,
        tcpCloseWaitTimeoutSeconds: 300,
        tcpBeLiberal: true,
        udpTimeoutSeconds: 30,
        udpStreamTimeoutSeconds: 60,
      },
      serving: {
        healthz: { address: '127.0.0.1', port: 10_256 },
        metrics: { address: '::1', port: 99 },
        hardFail: true,
        profiling: true,
      },
      events: true,
      oomScoreAdj: -998,
      logging: { verbosity: 4, format: 'json' },
      withoutEffect: [],
    });
  });

  it('that have no effect are told: by their field, or as flags when they have none', async () => {
    const argv = [
      '--kube-api-qps=50',
      '--ipvs-strict-arp',
      '--ipvs-scheduler',
      'rr',
      '--config-sync-period=1m',
    ];
    const { withoutEffect } = await load(
      ...argv,
      '--feature-gates=A=true,WatchListClient=true',
      '--feature-gates=B=false',
    );
    expect(withoutEffect).toEqual([
      'featureGates.A',
      'featureGates.B',
      'ipvs.scheduler',
      'ipvs.strictARP',
      'clientConnection.qps',
      'configSyncPeriod',
    ]);
    expect(read('--logtostderr=true', '--alsologtostderr', '--vmodule', 'x=3').ignored).toEqual([
      '--vmodule',
      '--alsologtostderr',
      '--logtostderr',
    ]);
  });
});

describe('how flags may be written', () => {
  it.each([[['-v', '4']], [['-v4']], [['-v=4']], [['--v', '4']], [['--v=2', '--v=4']]])(
    'verbosity: %j',
    async (argv) => {
      expect((await load(...argv)).logging.verbosity).toBe(4);
    },
  );

  it.each([
    [['--profiling'], true],
    [['--profiling=true'], true],
    [['--profiling=True'], true],
    [['--profiling=false'], false],
    [['--profiling=0'], false],
    [['--profiling', '--profiling=false'], false],
    [['--profiling='], false],
  ])('a switch: %j', async (argv, expected) => {
    expect((await load(...argv)).serving.profiling).toBe(expected);
  });

  it('with underscores, and the values of lists in several flags', async () => {
    const { routing } = await load(
      '--cluster_cidr=10.0.0.0/8',
      '--nodeport_addresses=10.1.0.0/16',
      '--nodeport-addresses=10.2.0.0/16',
    );
    expect(routing).toMatchObject({
      detectLocal: { cidrs: ['10.0.0.0/8'] },
      nodePortAddresses: { cidrs: ['10.1.0.0/16', '10.2.0.0/16'] },
    });
    expect(read('--config=/a_b/c_d').configFile).toBe('/a_b/c_d');
  });

  it('empty, as templates of a DaemonSet leave them: the file holds', async () => {
    const file = join(testdata, 'config/kubeadm.yaml');
    const plain = await load(`--config=${file}`);
    const empty = ['--cluster-cidr=', '--hostname-override=', '--kubeconfig=', '--master=', '--proxy-mode='];
    expect(await load(`--config=${file}`, ...empty)).toEqual(plain);
    expect(plain.routing.detectLocal).toEqual({ mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] });
  });

  it.each([
    [['--healthz-bind-address='], undefined, 10_249],
    [['--metrics-bind-address', ''], 10_256, undefined],
    [['--healthz-port=0'], undefined, 10_249],
    [['--metrics-port=0', '--healthz-port=1'], 1, undefined],
    [['--metrics-port=99', '--metrics-bind-address=0.0.0.0'], 10_256, 99],
    [['--metrics-port=99', '--metrics-bind-address=0.0.0.0:98'], 10_256, 98],
  ])('ports: %j', async (argv, healthz, metrics) => {
    const { serving } = await load(...argv);
    expect([serving.healthz?.port, serving.metrics?.port]).toEqual([healthz, metrics]);
  });
});

describe('a flag that is wrong', () => {
  it.each([
    ['--conntrack-min=many', 'it is not a number'],
    ['--conntrack-min=1.5', '1.5 is not a whole number'],
    ['--conntrack-min=-1', '-1 is not between 0 and 2147483647'],
    ['--profiling=maybe', 'it is neither true nor false'],
    ['--iptables-sync-period=30', '"30" is not a duration, such as "30s" or "1m30s"'],
    ['--iptables-sync-period=-1s', 'it is negative'],
    ['--bind-address=localhost', '"localhost" is no IP address'],
    [
      '--healthz-bind-address=localhost:1',
      '"localhost:1" is not an IP address with a port, such as "0.0.0.0:10256"',
    ],
    ['--healthz-port=65536', 'it is no port; 0 means none'],
    ['--hostname-override=a b', '"a b" is no name of a Node'],
    ['--nodeport-addresses=10.0.0.0/8,all', '"all" is no CIDR; leave the field out for all addresses'],
    ['--feature-gates=A', 'write it as Gate=true,Other=false'],
    ['--feature-gates=A=2', 'it is neither true nor false'],
    ['--logging-format=xml', '"xml" is none of "text" | "json"'],
    [
      '--detect-local-mode=x',
      '"x" is none of "ClusterCIDR" | "NodeCIDR" | "BridgeInterface" | "InterfaceNamePrefix"',
    ],
    [
      '--master=http://10.0.0.1:8080',
      '"http://10.0.0.1:8080" is no address of an API server, such as "https://10.0.0.1:6443"',
    ],
    ['--show-hidden-metrics-for-version=x', '"x" is not a version such as "1.35"'],
  ])('%s', async (word, reason) => {
    const flag = word.replace(/=.*/, '');
    const value = word.slice(flag.length + 1);
    const expected = `NP-CLI-002 The value "${value}" of ${flag} is not usable: ${reason}.`;
    expect(await refusal([word])).toBe(expected);
  });

  it.each(['ipvs', 'nftables', 'kernelspace'])('--proxy-mode=%s', async (mode) => {
    expect(await refusal([`--proxy-mode=${mode}`])).toMatch(
      `NP-CONFIG-003 The configuration asks for mode ${mode},`,
    );
  });
});

describe('arguments of a DaemonSet', () => {
  it.each<[string, readonly string[]]>([
    ['kubeadm', [`--config=${join(testdata, 'config/kubeadm.yaml')}`, '--hostname-override=node-1']],
    [
      'k3s',
      [
        '--cluster-cidr=10.42.0.0/16',
        '--conntrack-max-per-core=0',
        '--conntrack-tcp-timeout-close-wait=0s',
        '--conntrack-tcp-timeout-established=0s',
        '--healthz-bind-address=127.0.0.1',
        '--hostname-override=node-1',
        '--kubeconfig=/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig',
        '--proxy-mode=iptables',
      ],
    ],
    [
      'GKE',
      [
        '--master=https://10.128.0.2',
        '--kubeconfig=/var/lib/kube-proxy/kubeconfig',
        '--cluster-cidr=10.4.0.0/14',
        '--oom-score-adj=-998',
        '--v=2',
        '--feature-gates=TopologyAwareHints=true',
        '--iptables-sync-period=1m',
        '--iptables-min-sync-period=10s',
        '--ipvs-sync-period=1m',
        '--ipvs-min-sync-period=10s',
        '--detect-local-mode=NodeCIDR',
        '--hostname-override=node-1',
      ],
    ],
    [
      'EKS',
      [
        '--v=2',
        `--config=${join(testdata, 'config/kube-proxy-defaults.yaml')}`,
        '--hostname-override=node-1',
      ],
    ],
    ['old klog', ['--logtostderr=true', '--hostname-override=node-1', '--masquerade-all', '-v=2']],
  ])('of %s are taken', async (_, argv) => {
    expect(await load(...argv)).toMatchObject({ nodeName: 'node-1', mode: 'iptables' });
  });
});
