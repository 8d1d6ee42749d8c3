import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchArbitraries, targetArbitraries } from '../../test/conformance/rule-arbitraries.ts';
import { families } from '../model/address.ts';
import { fingerprintChain } from '../rules/iptables/fingerprint.ts';
import type { Match, Rule, Target } from '../rules/iptables/objects.ts';
import { parseRules } from '../rules/iptables/parse/parse.ts';
import { renderRule } from '../rules/iptables/render.ts';
import type { Line } from '../rules/plan.ts';
import { createFakeIptables } from './fake.ts';
import { fakeExec } from './fake-exec.ts';
import { createIptables } from './iptables.ts';

const lines = (text: string): readonly Line[] =>
  text.split('\n').map((line) => ({ text: line, service: undefined }));

const programs = { variant: 'nft', naming: 'suffixed', version: '1.8.9' } as const;

test('the programs of kernel/iptables run on it', async () => {
  const exec = fakeExec(createFakeIptables('IPv4'), createFakeIptables('IPv6'));
  const iptables = createIptables({ exec, programs, family: 'IPv6' });
  await iptables.restore(lines('*nat\n:A - [0:0]\n-A A -d fd00::1 -j RETURN\nCOMMIT'));
  const { nat } = parseRules(await iptables.save(['nat']), 'IPv6').ruleSet;
  expect(nat.get('A')?.rules[0]?.matches).toEqual([
    { kind: 'destination', cidr: 'fd00::1/128', negated: false },
  ]);
  await expect(iptables.restore(lines('*nat\n:A - [0:0]\n-A A -j NOPE\nCOMMIT'))).rejects.toMatchObject({
    code: 'NP-KERNEL-004',
    refused: { number: 3, table: 'nat' },
  });
  expect(await createIptables({ exec, programs, family: 'IPv4' }).save()).not.toContain(':A');
});

test('there are the programs of one variant, under each name, and no others', async () => {
  const exec = fakeExec(createFakeIptables('IPv4'), createFakeIptables('IPv6'));
  const version = (...argv: [string, ...string[]]) =>
    exec({ argv: [...argv, '--version'], timeoutMilliseconds: 1 });
  expect((await version('iptables')).stdout).toBe('iptables v1.8.9 (nf_tables)\n');
  expect((await version('/usr/sbin/ip6tables-nft')).stdout).toBe('ip6tables v1.8.9 (nf_tables)\n');
  expect((await version('xtables-nft-multi', 'iptables')).exitCode).toBe(0);
  await expect(version('iptables-legacy')).rejects.toMatchObject({ code: 'NP-KERNEL-001' });
  await expect(version('nft')).rejects.toMatchObject({ code: 'NP-KERNEL-001' });
});

test('a table is taken as a whole or not at all, and those before it stay', () => {
  const fake = createFakeIptables('IPv4');
  const good = '*filter\n:A - [0:0]\nCOMMIT\n';
  const bad = '*nat\n:B - [0:0]\n-A B -j RETURN\n-A NONE -j RETURN\nCOMMIT\n';
  expect(fake.restore(good + bad, { noflush: true })).toEqual({
    exitCode: 1,
    stderr: 'iptables-restore: line 7 failed: No chain/target/match by that name.\n',
  });
  expect([...fake.ruleSet().filter.keys()]).toContain('A');
  expect([...fake.ruleSet().nat.keys()]).toEqual(['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']);
});

test('without --noflush a table is emptied first, with --test nothing changes', () => {
  const fake = createFakeIptables('IPv4');
  fake.restore('*nat\n:A - [0:0]\n-A OUTPUT -j A\nCOMMIT\n');
  fake.restore('*nat\n:B - [0:0]\nCOMMIT\n', { noflush: true, test: true });
  expect([...fake.ruleSet().nat.keys()]).toContain('A');
  fake.restore('*nat\n:B - [0:0]\nCOMMIT\n');
  expect([...fake.ruleSet().nat.keys()].slice(4)).toEqual(['B']);
  expect(fake.ruleSet().nat.get('OUTPUT')?.rules).toEqual([]);
});

test('counters of nfacct exist when they were made', () => {
  const text = '*filter\n:A - [0:0]\n-A A -m nfacct --nfacct-name one\nCOMMIT\n';
  expect(createFakeIptables('IPv4').restore(text).exitCode).toBe(4);
  expect(createFakeIptables('IPv4', { counters: ['one'] }).restore(text).exitCode).toBe(0);
});

/** The names that rules are made with. */
const counters = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];

describe.each(families)('%s', (family) => {
  test('what is sent, what it holds, and what it saves are the same rules', () => {
    const { other: _, ...matches } = matchArbitraries(family);
    const targets = targetArbitraries(family);
    const rules: fc.Arbitrary<Rule> = fc
      .tuple(
        fc.uniqueArray(fc.oneof(...Object.values(matches)), { selector: ({ kind }) => kind, maxLength: 6 }),
        fc.oneof(targets.jump, targets.accept, targets.return, targets.mark, targets.none),
      )
      .map(([some, target]) => acceptable(some, target));
    const property = fc.property(fc.array(rules, { minLength: 1, maxLength: 5 }), (some) => {
      const chain = { table: 'nat', name: 'KUBE-EXT-A', rules: some } as const;
      const text = some.map((rule) => renderRule(chain.name, rule)).join('\n');
      const fake = createFakeIptables(family, { counters });
      const answer = fake.restore(`*nat\n:KUBE-EXT-A - [0:0]\n:LEAF - [0:0]\n${text}\nCOMMIT\n`);
      expect(answer).toEqual({ exitCode: 0, stderr: '' });
      const held = fake.ruleSet().nat.get(chain.name) ?? { ...chain, rules: [] };
      const saved = parseRules(fake.save('nat'), family).ruleSet.nat.get(chain.name) ?? held;
      expect([held, saved].map(fingerprintChain)).toEqual(Array(2).fill(fingerprintChain(chain)));
    });
    fc.assert(property, { numRuns: 300 });
  });
});

/** With a protocol in front of ports, and jumps to where there is a chain. */
function acceptable(some: readonly Match[], target: Target): Rule {
  const protocol =
    some.find(({ kind }) => kind === 'protocol') ?? ({ kind: 'protocol', protocol: 'tcp' } as const);
  return {
    matches: [protocol, ...some.filter(({ kind }) => kind !== 'protocol')],
    target: target.kind === 'jump' ? { kind: 'jump', chain: 'LEAF' } : target,
    service: undefined,
  };
}
