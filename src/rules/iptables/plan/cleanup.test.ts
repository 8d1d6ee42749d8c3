import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clusters,
  momentOf,
  namesIn,
  nfacctCounters,
  objectsOf,
  plainSetting,
  type Setting,
  someSetting,
} from '../../../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables, type FakeIptables } from '../../../kernel/fake.ts';
import { canonicalRule } from '../fingerprint.ts';
import { kubeProxyNames } from '../names.ts';
import { builtinChains, type RuleSet, tableNames } from '../objects.ts';
import { parseRules } from '../parse/parse.ts';
import { nothingApplied } from './applied.ts';
import { cleanup } from './cleanup.ts';
import { planAll } from './delta.ts';
import { restoreLines, type Transactions } from './restore.ts';

/** What others have on a node: kubelet's chains and a firewall. */
const foreign = `*mangle
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-IPTABLES-HINT - [0:0]
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:MY-RULES - [0:0]
-A INPUT -j KUBE-FIREWALL
-A OUTPUT -j KUBE-FIREWALL
-A INPUT -m comment --comment "my own" -j MY-RULES
-A MY-RULES -p tcp -m tcp --dport 22 -j ACCEPT
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
:MY-NAT - [0:0]
-A POSTROUTING -j MY-NAT
-A MY-NAT -s 10.8.0.0/16 -j MASQUERADE
COMMIT
`;

function send(fake: FakeIptables, text: string): void {
  expect(fake.restore(text, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
}

function loaded(setting: Setting, objects: readonly Json[], others = ''): FakeIptables {
  const fake = createFakeIptables(setting.family, { counters: nfacctCounters });
  if (others !== '') send(fake, others);
  const { steps } = finish(planAll(nothingApplied, momentOf(setting, objects).layout));
  send(fake, Array.from(restoreLines(steps, 'one'), ({ text }) => `${text}\n`).join(''));
  return fake;
}

/** Reads the kernel, cleans up, and tells what was said of it. */
function cleaned(fake: FakeIptables, transactions: Transactions, names = kubeProxyNames) {
  const told = cleanup(parseRules(fake.save(), fake.family).ruleSet, transactions, names);
  send(fake, Array.from(told.lines, ({ text }) => `${text}\n`).join(''));
  return told;
}

function contentOf(ruleSet: RuleSet): readonly string[] {
  return tableNames.flatMap((table) =>
    [...ruleSet[table].values()].flatMap(({ name, rules }) => [
      `${table} ${name}`,
      ...rules.map((rule) => `${table} ${name} ${canonicalRule(rule, true)}`),
    ]),
  );
}

describe('cleanup', () => {
  it('leaves nothing of ours, whatever the cluster was', () => {
    fc.assert(
      fc.property(
        someSetting,
        clusters,
        fc.constantFrom<Transactions>('one', 'small'),
        (setting, cluster, transactions) => {
          const fake = loaded(setting, objectsOf(cluster));
          const names = namesIn(setting);
          cleaned(fake, transactions, names);
          const ruleSet = fake.ruleSet();
          for (const table of tableNames) {
            const left = [...ruleSet[table].keys()].filter((name) => !builtinChains[table].includes(name));
            expect(left.filter((name) => names.isOwn(name))).toEqual([]);
            expect(left.filter((name) => name !== 'KUBE-FIREWALL')).toEqual([]);
          }
          const again = cleanup(parseRules(fake.save(), fake.family).ruleSet, transactions, names);
          expect([again.chains, again.jumps, [...again.lines]]).toEqual([0, 0, []]);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("leaves kubelet's chains and everybody else's rules as they were", () => {
    const fake = createFakeIptables('IPv4');
    send(fake, foreign);
    const before = contentOf(fake.ruleSet());
    const web = service({ name: 'web', clusterIPs: ['172.30.0.41'], ports: [{ port: 80 }] });
    const { steps } = finish(planAll(nothingApplied, momentOf(plainSetting, [web]).layout));
    const ours = Array.from(restoreLines(steps, 'one'), ({ text }) => `${text}\n`)
      .filter((line) => !line.endsWith('-j KUBE-FIREWALL\n'))
      .join('');
    send(fake, ours);
    expect(contentOf(fake.ruleSet())).not.toEqual(before);
    const told = cleaned(fake, 'one');
    expect(contentOf(fake.ruleSet())).toEqual(before);
    expect(told).toMatchObject({ chains: 12, jumps: 12 });
  });

  it('takes the jumps away before any chain, in transactions of their own', () => {
    const fake = loaded(plainSetting, []);
    const lines = Array.from(
      cleanup(parseRules(fake.save(), 'IPv4').ruleSet, 'one', kubeProxyNames).lines,
      ({ text }) => text,
    );
    const firstDeletion = lines.findIndex((line) => line.startsWith(':'));
    expect(lines.slice(0, firstDeletion).filter((line) => line.startsWith('-D '))).toHaveLength(12);
    expect(lines.slice(firstDeletion).filter((line) => line.startsWith('-D '))).toEqual([]);
    expect(lines.slice(0, firstDeletion)).toContain('COMMIT');
  });

  it('does not fail where a chain of somebody else leads to one of ours', () => {
    // As the portmap plugin of CNI does with `externalSetMarkChain`.
    const setMark = '*nat\n:CNI-DN-1 - [0:0]\n-A CNI-DN-1 -p tcp -j KUBE-MARK-MASQ\nCOMMIT\n';
    const fake = loaded(plainSetting, []);
    send(fake, setMark);
    cleaned(fake, 'one');
    const { nat } = fake.ruleSet();
    expect([...nat.keys()].filter((name) => name.startsWith('KUBE-SERVICES'))).toEqual([]);
    expect(nat.get('CNI-DN-1')?.rules).toHaveLength(1);
  });

  it('takes many chains away in small transactions', () => {
    const objects = [...Array(300).keys()].flatMap((number) => [
      service({
        name: `s${number}`,
        clusterIPs: [`172.30.${number >> 7}.${number & 127}`],
        ports: [{ port: 80 }],
      }),
      slice({
        of: `s${number}`,
        ports: [{ port: 8080 }],
        endpoints: [{ address: '10.244.1.1' }, { address: '10.244.1.2' }],
      }),
    ]);
    const fake = loaded(plainSetting, objects);
    const told = cleaned(fake, 'small');
    expect(told.chains).toBeGreaterThan(900);
    expect([...fake.ruleSet().nat.keys()]).toEqual(builtinChains.nat);
  });
});
