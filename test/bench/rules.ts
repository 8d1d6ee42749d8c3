import { finish, paced } from '../../src/agent/pace.ts';
import { layoutOptions } from '../../src/agent/sync.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type Decided, decideRoutes, type RoutingInput } from '../../src/routing/routes.ts';
import { defaultRoutingSettings } from '../../src/routing/settings.ts';
import { usualFeatures } from '../../src/rules/iptables/features.ts';
import { type Layout, layOut } from '../../src/rules/iptables/layout/layout.ts';
import { type Applied, nothingApplied, settle } from '../../src/rules/iptables/plan/applied.ts';
import { planAll, planChange } from '../../src/rules/iptables/plan/delta.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { clusterNetwork } from './cluster.ts';

const features = usualFeatures;

/** What stands between two syncs, all of it known. */
export interface Standing {
  readonly decided: Decided;
  readonly layout: Layout;
  readonly applied: Applied;
}

export interface Planned extends Standing {
  readonly plan: Plan;
}

/** The three stages of a full sync one by one, so that each can be timed. */
export const stages = {
  decide: (snapshot: Snapshot) => paced(decideRoutes(inputOf(snapshot))),
  layOut: (decided: Decided) => paced(layOut(decided, layoutOptions(features, decided, undefined))),
  plan: (layout: Layout, applied: Applied) => paced(planAll(applied, layout)),
};

/** A full sync over what is applied, its plan taken for done. */
export async function planFully(snapshot: Snapshot, applied: Applied = nothingApplied): Promise<Planned> {
  const decided = await stages.decide(snapshot);
  const layout = await stages.layOut(decided);
  const plan = await stages.plan(layout, applied);
  return { decided, layout, plan, applied: settle(applied, plan, layout) };
}

/** A sync after a small change, in one go. */
export function planNext(snapshot: Snapshot, before: Standing): Planned {
  const decided = finish(decideRoutes(inputOf(snapshot), before.decided));
  const layout = finish(layOut(decided, layoutOptions(features, decided, before.layout), before.layout));
  const plan = finish(planChange(before.applied, before.layout, layout));
  return { decided, layout, plan, applied: settle(before.applied, plan, layout) };
}

function inputOf(snapshot: Snapshot): RoutingInput {
  return {
    family: 'IPv4',
    snapshot,
    settings: { ...defaultRoutingSettings, detectLocal: { mode: 'ClusterCIDR', cidrs: [clusterNetwork] } },
    host: { addresses: ['127.0.0.1', '192.0.2.10'], conntrackTcpBeLiberal: false },
  };
}
