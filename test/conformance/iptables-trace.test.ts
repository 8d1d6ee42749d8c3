import { describe, it } from 'vitest';
import { createFakeIptables } from '../../src/kernel/fake.ts';
import { fakeExec } from '../../src/kernel/fake-exec.ts';
import { createIptables } from '../../src/kernel/iptables.ts';
import { findPrograms } from '../../src/kernel/iptables-programs.ts';
import { parseRules } from '../../src/rules/iptables/parse/parse.ts';
import { restoreLines } from '../../src/rules/iptables/plan/restore.ts';
import { expectTraces } from './expectation.ts';
import { layoutOf, planOf, routesOf, ruleSetOf } from './rules-of.ts';
import { played } from './scenario.ts';
import { scenarios } from './scenarios.ts';

describe.each(played(scenarios))('$at.family: $scenario.name', (play) => {
  it('by the rule objects', () => {
    expectTraces(ruleSetOf(layoutOf(routesOf(play))), play);
  });

  it('by the rule text', () => {
    const { steps } = planOf(layoutOf(routesOf(play)));
    const text = Array.from(restoreLines(steps, 'one'), (line) => line.text).join('\n');
    expectTraces(parseRules(text, play.at.family).ruleSet, play);
  });

  it.each(['legacy', 'nft'] as const)('on the fake kernel, %s', async (variant) => {
    const fakes = {
      IPv4: createFakeIptables('IPv4', { variant }),
      IPv6: createFakeIptables('IPv6', { variant }),
    };
    const exec = fakeExec(fakes.IPv4, fakes.IPv6);
    const { programs } = await findPrograms(exec);
    const found = programs.find((each) => each.variant === variant);
    if (found === undefined) throw new Error(`the fake has no iptables-${variant}`);
    const { family } = play.at;
    const { steps } = planOf(layoutOf(routesOf(play)));
    const iptables = createIptables({ exec, programs: found, family });
    await iptables.restore(restoreLines(steps, variant === 'nft' ? 'small' : 'one'));
    expectTraces(fakes[family].ruleSet(), play);
    expectTraces(parseRules(await iptables.save(), family).ruleSet, play);
  });
});
