import { describe, expect, test } from 'vitest';
import { createFakeIptables } from '../../src/kernel/fake.ts';
import { type Family, families } from '../../src/model/address.ts';
import { fingerprintChain } from '../../src/rules/iptables/fingerprint.ts';
import { type RuleSet, tableNames } from '../../src/rules/iptables/objects.ts';
import { parseRules } from '../../src/rules/iptables/parse/parse.ts';
import { isRoot } from '../netns/holder.ts';
import { askKernel, needsRoot, type Variant, variants } from './kernel-iptables.ts';
import { type RestoreCase, restoreCases } from './restore-cases.ts';

const kinds = variants.flatMap((variant) => families.map((family) => ({ variant, family })));

if (isRoot) describe.each(kinds)('$variant $family', compareAll);
else test('the fake does what the kernel does', (context) => context.skip(needsRoot));

function compareAll({ variant, family }: (typeof kinds)[number]): void {
  const answers = compare(variant, family, restoreCases(family));

  test.each(answers)('the fake takes and refuses what the kernel does: $name', ({ real, fake }) => {
    expect(fake.exitCode, real.stderr).toBe(real.exitCode);
    expect(fake.state).toEqual(real.state);
  });

  test.each(answers.filter(({ real }) => real.exitCode !== 0))(
    'in the same words: $name',
    ({ real, fake }) => {
      expect(fake.stderr).toBe(real.stderr);
    },
  );
}

interface Answer {
  readonly exitCode: number;
  readonly stderr: string;
  /** Chains with policy, number of rules and fingerprint. */
  readonly state: readonly string[];
}

function compare(variant: Variant, family: Family, cases: readonly RestoreCase[]) {
  const fake = createFakeIptables(family, { variant });
  const real = askKernel(
    variant,
    family,
    cases.map(({ text }) => text),
  );
  return cases.map(({ name, text }, index): { name: string; real: Answer; fake: Answer } => {
    const { exitCode = -1, stderr = '', saved = '' } = real[index] ?? {};
    const answer = fake.restore(text, { noflush: true });
    return {
      name,
      real: { exitCode, stderr: plain(stderr), state: stateOf(parseRules(saved, family).ruleSet) },
      fake: { ...answer, state: stateOf(parseRules(fake.save(), family).ruleSet) },
    };
  });
}

/** Chains that say something, by name. */
function stateOf(ruleSet: RuleSet): readonly string[] {
  return tableNames.flatMap((table) =>
    [...ruleSet[table].values()]
      .filter(
        ({ name, rules, policy }) => rules.length > 0 || policy === 'DROP' || /[^A-Z]|^.{1,4}$/.test(name),
      )
      .map(
        (chain) =>
          `${table} ${chain.name} ${chain.policy ?? ''} ${chain.rules.length} ${fingerprintChain(chain)}`,
      )
      .sort(),
  );
}

/** Without the name of the variant in the program's, and without warnings. */
function plain(stderr: string): string {
  return stderr
    .replaceAll(/-(?:nft|legacy)-restore/g, '-restore')
    .split('\n')
    .filter((line) => !line.startsWith('Warning:'))
    .join('\n');
}
