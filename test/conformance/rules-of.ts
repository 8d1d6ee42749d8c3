import { finish } from '../../src/agent/pace.ts';
import { decode } from '../../src/cluster/decode.ts';
import { revise } from '../../src/model/revise.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import type { FamilyRoutes } from '../../src/routing/route.ts';
import { decideRoutes } from '../../src/routing/routes.ts';
import { defaultRoutingSettings, type HostFacts, type RoutingSettings } from '../../src/routing/settings.ts';
import { usualFeatures } from '../../src/rules/iptables/features.ts';
import { type Layout, layOut, wantedChains } from '../../src/rules/iptables/layout/layout.ts';
import { jumpRules } from '../../src/rules/iptables/layout/node-chains.ts';
import {
  builtinChains,
  type Chain,
  type RuleSet,
  type TableName,
  tableNames,
} from '../../src/rules/iptables/objects.ts';
import { nothingApplied } from '../../src/rules/iptables/plan/applied.ts';
import { planAll } from '../../src/rules/iptables/plan/delta.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { Json } from './objects.ts';
import type { Played } from './scenario.ts';

/** The snapshot of `node-a` that objects give. @throws Error for an object that is refused: scenarios hold good ones. */
export function snapshotOf(objects: readonly Json[]): Snapshot {
  const changes = objects.map((object) => {
    const decoded = decode(object);
    if (decoded.outcome !== 'change') throw new Error(JSON.stringify(decoded));
    return decoded.change;
  });
  return revise(emptySnapshot('node-a'), changes);
}

/** Settings of the scenarios: pods of the whole cluster are local, everything else as kube-proxy has it. */
function settingsOf({ scenario, at }: Played): RoutingSettings {
  return {
    ...defaultRoutingSettings,
    detectLocal: { mode: 'ClusterCIDR', cidrs: [at.clusterNetwork] },
    ...scenario.settings?.(at),
  };
}

/** Addresses of node-a in a scenario, without the links to its pods. */
export function hostOf({ scenario, at }: Played): HostFacts {
  const addresses = [at.loopback, at.node, ...(scenario.nodeAddresses?.(at) ?? [])];
  return { addresses, conntrackTcpBeLiberal: false };
}

export function routesOf(play: Played, host = hostOf(play)): FamilyRoutes {
  const { scenario, at } = play;
  const snapshot = snapshotOf(scenario.objects(at));
  return finish(decideRoutes({ family: at.family, snapshot, settings: settingsOf(play), host }));
}

export function layoutOf(routes: FamilyRoutes): Layout {
  return finish(layOut(routes, { features: usualFeatures, comments: true }));
}

/** The plan for an empty kernel. */
export function planOf(layout: Layout): Plan {
  return finish(planAll(nothingApplied, layout));
}

/** A layout as rule objects, with the built-in chains that lead into it. */
export function ruleSetOf(layout: Layout): RuleSet {
  const chains: Record<TableName, Map<string, Chain>> = {
    mangle: new Map(),
    filter: new Map(),
    nat: new Map(),
  };
  for (const table of tableNames) {
    for (const name of builtinChains[table]) chains[table].set(name, { table, name, rules: [] });
  }
  for (const { chain } of wantedChains(layout))
    if (chain !== undefined) chains[chain.table].set(chain.name, chain);
  for (const { table, builtin, rule } of jumpRules(layout.routes.node)) {
    const rules = chains[table].get(builtin)?.rules ?? [];
    chains[table].set(builtin, { table, name: builtin, rules: [rule, ...rules] });
  }
  return chains;
}
