// The real kube-proxy and nodeplane in one network namespace, by a scripted API server: what both write, in every mode of kube-proxy.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IptablesVariant } from '../../../src/kernel/iptables-programs.ts';
import { type Family, families } from '../../../src/model/address.ts';
import { labelled, SecondProxy } from '../../beside/proxies.ts';
import type { Json } from '../../conformance/objects.ts';
import { Bed } from '../../faults/bed.ts';
import { at, dual } from '../../faults/objects.ts';
import { SteadyTraffic } from '../../faults/traffic.ts';
import type { Program } from '../../netns/program.ts';
import { binary } from '../binaries.ts';

const networks = families.map((family) => at[family].clusterNetwork).join();

const serviceCidr: Json = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: ['172.30.0.0/16', 'fd00:172:30::/112'] },
};

/** kube-proxy asks the Service for its families, where nodeplane looks at the addresses. */
const spec = { ipFamilies: families, ipFamilyPolicy: 'RequireDualStack' };

const web = (...pods: readonly ('p1' | 'p3' | 'r1')[]) =>
  dual({ name: 'web', vip: 1, pods, type: 'NodePort', nodePort: 30_081, spec });
const mesh = labelled(
  dual({ name: 'mesh', vip: 2, pods: ['p2', 'r2'], type: 'NodePort', nodePort: 30_080, spec }),
);
const nobody = labelled(dual({ name: 'nobody', vip: 3, pods: [], spec }));

interface Pair {
  readonly mode: 'iptables' | 'nftables';
  /** Of both in mode iptables. */
  readonly variant: IptablesVariant;
}

const pairs: readonly Pair[] = [
  { mode: 'iptables', variant: 'legacy' },
  { mode: 'iptables', variant: 'nft' },
  { mode: 'nftables', variant: 'nft' },
];

describe.each(pairs)('kube-proxy in mode $mode, nodeplane with iptables-$variant', ({ mode, variant }) => {
  let bed: Bed;
  let ours: SecondProxy;
  let theirs: Program | undefined;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nodeplane-beside-'));
    await linkPrograms(directory, variant);
    bed = await Bed.open({ variant, objects: [serviceCidr, ...web('p1', 'r1'), ...mesh, ...nobody] });
    ours = new SecondProxy(bed, ['--cluster-cidr', networks]);
    await startTheirs();
    // Of nftables' chains with the same priority the kernel asks the youngest first: ours have to be younger.
    await bed.untilServed(1, ['p1', 'r1']);
    await ours.start();
    await bed.untilServed(2, ['p2', 'r2']);
  });
  afterAll(async () => {
    await ours.close();
    await theirs?.stop('SIGKILL');
    await bed.close();
    await rm(directory, { recursive: true });
  });

  async function startTheirs(): Promise<void> {
    const config = join(directory, 'config.yaml');
    await writeFile(config, configuration(bed.api.kubeconfig, mode));
    const path = `PATH=${directory}/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin`;
    const program = await binary('kube-proxy');
    theirs = bed.world.start('node-a', ['env', path, program, '--config', config, '--v=2']);
  }

  const said = () => theirs?.lines.slice(-15).join('\n') ?? '';

  /** What the kernel holds of one of them, without counters. */
  async function rules(whose: 'ours' | 'theirs'): Promise<string> {
    const saved = await Promise.all(
      ['iptables', 'ip6tables'].map((family) => bed.run(`${family}-${variant}-save`)),
    );
    const lines = saved.flatMap(({ stdout }) => stdout.split('\n'));
    const own = lines.filter((line) => line.includes(whose === 'ours' ? 'NPLN-' : 'KUBE-')).sort();
    if (whose === 'ours' || mode === 'iptables') return own.join('\n');
    const { stdout } = await bed.run(
      'sh',
      '-ec',
      'nft list table ip kube-proxy; nft list table ip6 kube-proxy',
    );
    return stdout;
  }

  it.each(families)('each serves its own in %s: to pods, the node and outside', async (family) => {
    for (const protocol of ['TCP', 'UDP'] as const) {
      for (const from of ['client', 'p2', 'node-a']) {
        expect(await bed.answers(1, { family, protocol, from }), `${from} ${said()}`).toBe('p1,r1');
        expect(await bed.answers(2, { family, protocol, from }), `${from} ${said()}`).toBe('p2,r2');
      }
      for (const [port, pods] of [
        [30_080, 'p2,r2'],
        [30_081, 'p1,r1'],
      ] as const)
        expect(await bed.answers(0, { family, protocol, to: at[family].node, port })).toBe(pods);
    }
  });

  /** What becomes of a connection to a Service of ours without endpoints; an ICMPv6 error may have to wait for its turn. */
  async function refusal(family: Family): Promise<string | undefined> {
    const to = { to: at[family].vip(3), port: 80, timeoutMilliseconds: 3000 };
    const [dial] = await bed.world.dial('client', to);
    return dial?.outcome;
  }

  it.each(families)('in %s a Service of ours without endpoints is refused', async (family) => {
    expect(await refusal(family)).toBe('refused');
  });

  it('neither touches what the other writes, whatever it does, and no connection fails', async () => {
    const traffic = await SteadyTraffic.start(bed.world, [1, 2]);
    const [a, b] = [await rules('theirs'), await rules('ours')];
    await ours.stop('SIGKILL');
    await ours.start();
    await ours.untilConverged();
    expect(await rules('theirs')).toBe(a);
    await theirs?.stop('SIGKILL');
    await startTheirs();
    await bed.api.put(...web('p1', 'p3', 'r1'));
    await bed.untilServed(1, ['p1', 'p3', 'r1']);
    expect(await rules('ours')).toBe(b);
    await ours.untilConverged();
    // After its start kube-proxy's nftables come before ours, and drop what goes to a ClusterIP that they do not know.
    for (const family of families)
      expect(await refusal(family), family).toBe(mode === 'nftables' ? 'timeout' : 'refused');
    expect(await traffic.stop()).toMatchObject({ failed: [], broken: [] });
    expect(ours.entries('another program wrote into our chains')).toEqual([]);
  });

  it("a cleanup of ours leaves kube-proxy's rules and traffic", async () => {
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    const before = await rules('theirs');
    await ours.stop();
    const { exitCode, stderr } = await ours.cleanup();
    expect(exitCode, stderr).toBe(0);
    expect([await rules('ours'), await rules('theirs')]).toEqual(['', before]);
    expect(await traffic.stop()).toMatchObject({ failed: [], broken: [] });
  });
});

/** Sysctls of connection tracking cannot be written in a network namespace. */
function configuration(kubeconfig: string, mode: Pair['mode']): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ${mode}
hostnameOverride: node-a
clusterCIDR: ${networks}
clientConnection: { kubeconfig: ${kubeconfig}, contentType: application/json, acceptContentTypes: application/json }
conntrack: { maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
`;
}

/** As Debian's alternatives and the wrapper in kube-proxy's image do. */
async function linkPrograms(directory: string, variant: IptablesVariant): Promise<void> {
  await mkdir(join(directory, 'bin'));
  for (const prefix of ['iptables', 'ip6tables']) {
    for (const suffix of ['', '-save', '-restore'])
      await symlink(`/usr/sbin/${prefix}-${variant}${suffix}`, join(directory, 'bin', `${prefix}${suffix}`));
  }
}
