import { afterEach, beforeEach, expect, test } from 'vitest';
import { probeFeatures } from '../../src/kernel/features.ts';
import { readHostFacts } from '../../src/kernel/interfaces.ts';
import { createIptables } from '../../src/kernel/iptables.ts';
import { findPrograms, iptablesVariants } from '../../src/kernel/iptables-programs.ts';
import { chooseVariant } from '../../src/kernel/iptables-variant.ts';
import { createSysctls } from '../../src/kernel/sysctl.ts';
import { families } from '../../src/model/address.ts';
import { type Namespace, openNamespace } from './namespace.ts';

let namespace: Namespace;

beforeEach(async () => {
  namespace = await openNamespace();
});

afterEach(() => namespace.close());

test('finds both variants of Debian by name', async () => {
  const { programs } = await findPrograms(namespace.exec);
  expect(programs).toMatchObject([
    { variant: 'nft', naming: 'multi', version: expect.stringMatching(/^1\.8\./) },
    { variant: 'legacy', naming: 'multi' },
  ]);
});

test("goes where kubelet's hint is, and does not load legacy tables to look", async () => {
  await namespace.script('xtables-nft-multi ip6tables -t mangle -N KUBE-IPTABLES-HINT');
  const choice = await chooseVariant({ exec: namespace.exec, wanted: 'auto', procNet: '/nonexistent' });
  expect(choice).toMatchObject({
    variant: 'nft',
    reason: 'kubelet keeps its chain KUBE-IPTABLES-HINT there',
  });
  expect(await namespace.script('cat /proc/net/ip_tables_names')).toBe('');
});

test.each(iptablesVariants)('probes %s without leaving a trace', async (variant) => {
  const programs = { variant, naming: 'multi', version: '' } as const;
  for (const family of families) {
    const iptables = createIptables({ exec: namespace.exec, programs, family });
    const { features, missing } = await probeFeatures({
      exec: namespace.exec,
      iptables,
      mayCreateCounters: false,
    });
    expect(missing).toEqual([]);
    expect(features.randomFully).toBe(true);
    expect(await iptables.save()).not.toContain('NODEPLANE');
  }
});

test('lists addresses of links that are down or have no carrier, canonical, without zones', async () => {
  await namespace.script(`
    ip link set lo up
    ip link add br0 type bridge && ip address add 10.1.0.1/24 dev br0
    ip link set br0 addrgenmode none
    ip link set br0 up
    ip link add veth0 type veth peer name veth1 && ip address add 10.2.0.1 peer 10.2.0.2/32 dev veth0
    ip address add fd00:0:0::1/64 dev br0 nodad`);
  const sysctls = createSysctls('/nonexistent');
  const facts = await readHostFacts({ exec: namespace.exec, sysctls });
  expect(facts).toEqual({
    addresses: ['10.1.0.1', '10.2.0.1', '127.0.0.1', '::1', 'fd00::1'],
    conntrackTcpBeLiberal: false,
  });
});
