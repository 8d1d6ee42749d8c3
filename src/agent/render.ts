import { exec } from '../kernel/exec.ts';
import { createSysctls } from '../kernel/sysctl.ts';
import { type Family, families } from '../model/address.ts';
import { decideRoutes } from '../routing/routes.ts';
import { usualFeatures } from '../rules/iptables/features.ts';
import { layOut } from '../rules/iptables/layout/layout.ts';
import { nothingApplied } from '../rules/iptables/plan/applied.ts';
import { planAll } from '../rules/iptables/plan/delta.ts';
import { restoreLines } from '../rules/iptables/plan/restore.ts';
import { hostFacts } from './host-facts.ts';
import type { Context, SourceOptions } from './options.ts';
import { paced } from './pace.ts';
import { readOnce } from './read-once.ts';
import { layoutOptions } from './sync.ts';

export interface RenderedFamily {
  readonly family: Family;
  /** Lines for iptables-restore or ip6tables-restore, without line ends. */
  readonly lines: readonly string[];
}

/**
 * The whole rule text of each family, as it would be sent to an empty kernel of today: nobody is asked, so that every machine says the
 * same. Needs no privileges; of this machine it reads only the
 * addresses, and these only matter for `nodePortAddresses`.
 */
export async function render(options: SourceOptions, context: Context): Promise<readonly RenderedFamily[]> {
  const { config } = options;
  const { snapshot, findings } = await readOnce(options);
  context.onFindings(findings);
  const host = await hostFacts(config.routing, exec, createSysctls());
  const rendered: RenderedFamily[] = [];
  for (const family of options.families ?? families) {
    const decided = await paced(decideRoutes({ family, snapshot, settings: config.routing, host }));
    const layout = await paced(layOut(decided, layoutOptions(usualFeatures, decided, undefined)));
    const { steps } = await paced(planAll(nothingApplied, layout));
    rendered.push({ family, lines: Array.from(restoreLines(steps, 'one'), ({ text }) => text) });
  }
  return rendered;
}
