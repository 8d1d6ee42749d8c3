import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  clusters,
  momentOf,
  namesIn,
  nfacctCounters,
  objectsOf,
  someSetting,
} from '../../../../test/conformance/arbitraries.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables } from '../../../kernel/fake.ts';
import { nothingApplied } from './applied.ts';
import { planAll } from './delta.ts';
import { AppliedReader, appliedFrom } from './read-applied.ts';
import { restoreLines } from './restore.ts';

it('what is applied is the same from the rules and from their text, wherever its pieces end', () => {
  fc.assert(
    fc.property(someSetting, clusters, fc.array(fc.nat(2000)), (setting, cluster, lengths) => {
      const fake = createFakeIptables(setting.family, { counters: nfacctCounters });
      const plan = finish(planAll(nothingApplied, momentOf(setting, objectsOf(cluster)).layout));
      const lines = Array.from(restoreLines(plan.steps, 'one'), ({ text }) => `${text}\n`);
      const names = namesIn(setting);
      const portmap = `*nat\n:CNI-DN - [0:0]\n-A CNI-DN -j ${names.markMasquerade}\nCOMMIT\n`;
      fake.restore(lines.join('') + portmap, { noflush: true });
      const reader = new AppliedReader(setting.family, names);
      let text = fake.save();
      for (const length of lengths) {
        finish(reader.push(text.slice(0, length)));
        text = text.slice(length);
      }
      finish(reader.push(text));
      const applied = appliedFrom(fake.ruleSet(), names);
      expect(applied.held).toContain(`nat ${names.markMasquerade}`);
      expect(finish(reader.end())).toEqual(applied);
    }),
    { numRuns: 20 },
  );
});
