import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Family, families } from '../../src/model/address.ts';
import { fingerprintChain } from '../../src/rules/iptables/fingerprint.ts';
import type { Chain, Match, Rule, TableName, Target } from '../../src/rules/iptables/objects.ts';
import { parseRules } from '../../src/rules/iptables/parse/parse.ts';
import { renderRule } from '../../src/rules/iptables/render.ts';
import { isRoot } from '../netns/holder.ts';
import { askKernel, needsRoot, type Variant, variants } from './kernel-iptables.ts';
import { matchArbitraries, targetArbitraries } from './rule-arbitraries.ts';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000);

/** Where the kernel takes a target in a chain that nothing jumps to. */
const tableOf: Readonly<Record<Target['kind'], TableName>> = {
  jump: 'nat',
  goto: 'filter',
  accept: 'mangle',
  drop: 'filter',
  return: 'nat',
  reject: 'filter',
  mark: 'nat',
  masquerade: 'nat',
  dnat: 'nat',
  none: 'filter',
  other: 'filter',
};

const tcp: Match = { kind: 'protocol', protocol: 'tcp' };

/** Kinds that this kernel cannot have: `nfacct` objects need a module that small kernels lack. */
const unavailable = isRoot && hasNfacct() ? [] : ['nfacct'];

if (isRoot) describe.each(variants)('%s', readBack);
else test('rules read back are known again', (context) => context.skip(needsRoot));

function readBack(variant: Variant): void {
  test.each(families)(
    'chains read back from the kernel have the fingerprint they were wanted with (%s)',
    (family) => {
      const chains = sampleChains(family);
      const [answer] = askKernel(variant, family, [restoreInput(chains)]);
      expect(answer?.stderr, `seed ${seed}`).toBe('');
      const { ruleSet } = parseRules(answer?.saved ?? '', family);
      for (const chain of chains) {
        const read = ruleSet[chain.table].get(chain.name) ?? { ...chain, rules: [] };
        const message = `seed ${seed}\n${linesOf(chain)}\n${linesOf(read)}`;
        expect(fingerprintChain(read), message).toBe(fingerprintChain(chain));
      }
    },
  );
}

test('every kind of match and target has been there', () => {
  const kinds = sampleChains('IPv4').flatMap(({ rules }) =>
    rules.flatMap(({ matches, target }) => [...matches.map(({ kind }) => kind), `-j ${target.kind}`]),
  );
  const all = [
    ...Object.keys(matchArbitraries('IPv4')),
    ...Object.keys(targetArbitraries('IPv4')).map((kind) => `-j ${kind}`),
  ];
  expect(all.filter((kind) => !kinds.includes(kind))).toEqual(unavailable);
});

/** For each kind of match and target, chains of a few rules that use it. */
function sampleChains(family: Family): readonly Chain[] {
  // Options that are printed as they were written, and exist everywhere.
  const other = fc.constant<Match>({ kind: 'other', text: '-o eth0' });
  const log = fc.constant<Target>({ kind: 'other', text: 'LOG --log-prefix "a b: "' });
  const { nfacct, ...matches } = { ...matchArbitraries(family), other };
  const targets = { ...targetArbitraries(family), other: log };
  const one = fc.oneof(...Object.values(matches));
  const seeds: readonly fc.Arbitrary<Match>[] = [
    ...Object.values(matches),
    ...(unavailable.length === 0 ? [nfacct] : []),
  ];
  const rules = Object.values(targets).flatMap((target) =>
    seeds.map((match) => fc.tuple(match, fc.array(one, { maxLength: 3 }), target).map(fitting)),
  );
  const samples = rules.flatMap((rule, index) => fc.sample(rule, { numRuns: 3, seed: seed + index }));
  return chainsOf(samples);
}

/** Made so that the kernel takes it: ports stand behind a protocol, and jumps lead to a chain that is there. */
function fitting([first, more, target]: [Match, Match[], Target]): Rule {
  const unique = new Map([...more, first].map((match) => [match.kind, match]));
  const protocol = unique.get('protocol') ?? tcp;
  const needy = unique.has('protocol') || unique.has('destination-ports') || target.kind === 'dnat';
  unique.delete('protocol');
  return {
    matches: needy ? [protocol, ...unique.values()] : [...unique.values()],
    target: 'chain' in target ? { ...target, chain: 'LEAF' } : target,
    service: undefined,
  };
}

function chainsOf(rules: readonly Rule[]): readonly Chain[] {
  const prefixes = ['KUBE-SVC-', 'KUBE-SEP-', 'KUBE-EXT-', 'OTHER-'];
  return (['mangle', 'filter', 'nat'] as const).flatMap((table) => {
    const here = rules.filter(({ target }) => tableOf[target.kind] === table);
    const chains: Chain[] = [{ table, name: 'LEAF', rules: [] }];
    for (let start = 0; start < here.length; start += 4) {
      const name = `${prefixes[(start / 4) % prefixes.length]}${start}`;
      chains.push({ table, name, rules: here.slice(start, start + 4) });
    }
    return chains;
  });
}

function restoreInput(chains: readonly Chain[]): string {
  const tables = (['mangle', 'filter', 'nat'] as const).map((table) => {
    const here = chains.filter((chain) => chain.table === table);
    const declared = here.map(({ name }) => `:${name} - [0:0]`);
    const lines = here.filter(({ rules }) => rules.length > 0).map(linesOf);
    return [`*${table}`, ...declared, ...lines, 'COMMIT', ''].join('\n');
  });
  return tables.join('');
}

function linesOf({ name, rules }: Chain): string {
  return rules.map((rule) => renderRule(name, rule)).join('\n');
}

function hasNfacct(): boolean {
  const variant: Variant = 'legacy';
  const text = '*filter\n:C - [0:0]\n-A C -m nfacct --nfacct-name ct_state_invalid_dropped_pkts\nCOMMIT\n';
  return askKernel(variant, 'IPv4', [text])[0]?.exitCode === 0;
}
