import { exec } from '../kernel/exec.ts';
import { decideRoutes } from '../routing/routes.ts';
import type { Comparison } from '../rules/comparison.ts';
import { compare } from '../rules/iptables/compare/compare.ts';
import { layOut } from '../rules/iptables/layout/layout.ts';
import { parseInSteps } from '../rules/iptables/parse/parse.ts';
import { openKernel } from './node-kernel.ts';
import type { Context, SourceOptions } from './options.ts';
import { paced } from './pace.ts';
import { readOnce } from './read-once.ts';
import { layoutOptions } from './sync.ts';

/** What {@link apply} would change, by Service, of all families together. Changes nothing. */
export async function diff(options: SourceOptions, context: Context): Promise<Comparison> {
  const { config } = options;
  const { snapshot, findings } = await readOnce(options);
  context.onFindings(findings);
  const variant = config.iptablesVariant;
  const kernel = await openKernel({ exec, variant, families: options.families, mayChange: false });
  const host = await kernel.facts(config.routing);
  const comparisons: Comparison[] = [];
  for (const { family, iptables, features } of kernel.families) {
    const decided = await paced(decideRoutes({ family, snapshot, settings: config.routing, host }));
    const layout = await paced(layOut(decided, layoutOptions(features, decided, undefined)));
    const { ruleSet } = await paced(parseInSteps(await iptables.save(), family));
    comparisons.push(await paced(compare(layout, ruleSet)));
  }
  return merged(comparisons);
}

function merged(comparisons: readonly Comparison[]): Comparison {
  const changes = comparisons.flatMap((comparison) => comparison.changes);
  const drift = comparisons.flatMap((comparison) => comparison.drift);
  return {
    changes: changes.toSorted(by(({ service, family }) => `${service} ${family}`)),
    drift: drift.toSorted(by(({ table, chain, family }) => `${table} ${chain} ${family}`)),
  };
}

function by<T>(key: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b)));
}
