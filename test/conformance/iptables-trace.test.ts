import { describe, it } from 'vitest';
import { parseRules } from '../../src/rules/iptables/parse.ts';
import { restoreLines } from '../../src/rules/iptables/restore.ts';
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
    const { ruleSet } = parseRules(text, play.at.family);
    expectTraces(ruleSet, play);
  });
});
