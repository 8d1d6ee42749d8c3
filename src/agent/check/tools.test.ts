import { describe, expect, it } from 'vitest';
import { checkPrograms, type Needs } from './tools.ts';

const usual: Needs = {
  variant: 'auto',
  programs: undefined,
  families: ['IPv4', 'IPv6'],
  listsAddresses: false,
};
const all = ['xtables-nft-multi', 'iptables', 'ip', 'conntrack', 'setpriv', 'stdbuf'];

/** `severity code: message; remedy` of each finding when those programs are there. */
async function told(installed: readonly string[], needs: Partial<Needs> = {}): Promise<readonly string[]> {
  const findings = await checkPrograms({ ...usual, ...needs }, async (name) => installed.includes(name));
  return findings.map(({ severity, error }) => `${severity} ${error.code}: ${error.message} ${error.remedy}`);
}

function without(...names: readonly string[]): readonly string[] {
  return all.filter((name) => !names.includes(name));
}

describe('programs', () => {
  it('that are there are no finding', async () => {
    expect(await told(all)).toEqual([]);
  });

  it('that are missing are told at once, what nothing works without apart from the rest', async () => {
    expect(await told([])).toEqual([
      'error NP-CHECK-005: This node lacks programs: iptables (for rules). ' +
        'Debian: apt-get install iptables. Alpine: apk add iptables. RHEL: dnf install iptables-nft.',
      'warning NP-CHECK-006: This node lacks programs that nodeplane can do without: ' +
        'ip (for UDP flows to addresses of this node), conntrack (for UDP clients of endpoints that are gone), ' +
        'setpriv (for noticing at once what others change in our rules), ' +
        'stdbuf (for noticing at once what others change in our rules). ' +
        'Debian: apt-get install iproute2 conntrack util-linux coreutils. ' +
        'Alpine: apk add iproute2 conntrack-tools setpriv coreutils. ' +
        'RHEL: dnf install iproute conntrack-tools util-linux coreutils.',
    ]);
  });

  it('of iptables may have any of their names while the variant is not known', async () => {
    for (const name of ['xtables-legacy-multi', 'iptables-nft', 'iptables'])
      expect(await told([name, ...without('xtables-nft-multi', 'iptables')])).toEqual([]);
    expect(await told(all, { variant: 'legacy' })).toEqual([]);
    const [error] = await told(without('iptables'), { variant: 'legacy' });
    expect(error).toMatch(/^error NP-CHECK-005: .*: iptables-legacy \(for rules\).*apk add iptables-legacy/);
  });

  it('of iptables are looked for one by one once it is known how they are called', async () => {
    const programs = { variant: 'nft', naming: 'suffixed', version: '1.8.9' } as const;
    const names = ['iptables-nft-restore', 'iptables-nft-save', 'ip6tables-nft-save'];
    const [error] = await told([...names, ...all], { programs });
    expect(error).toContain(
      'error NP-CHECK-005: This node lacks programs: ip6tables-nft-restore (for rules).',
    );
    expect(await told([...names, ...all], { programs, families: ['IPv4'] })).toEqual([]);
  });

  it('that list addresses are needed where NodePorts answer on some of them', async () => {
    const [finding] = await told(without('ip'), { listsAddresses: true });
    expect(finding).toMatch(/^error NP-CHECK-005: .*: ip \(for the addresses that accept NodePorts\)/);
  });

  it('that only hear of changes in nf_tables are not missed with iptables-legacy', async () => {
    expect(await told(without('setpriv', 'stdbuf'), { variant: 'legacy' })).toEqual([]);
  });
});
