import { finish } from '../../src/agent/pace.ts';
import { revise } from '../../src/model/revise.ts';
import { emptySnapshot } from '../../src/model/snapshot.ts';
import type { DebugState } from '../../src/observe/debug-state.ts';
import { decideRoutes } from '../../src/routing/routes.ts';
import { defaultRoutingSettings } from '../../src/routing/settings.ts';
import { benchServices, changesOf, nodeName } from '../bench/cluster.ts';
import { layoutOf, planOf } from '../conformance/rules-of.ts';

/** What an agent holds that has just programmed so many Services on an empty node, one family of two. */
export function debugStateOf(services: number): DebugState {
  const snapshot = revise(emptySnapshot(nodeName), changesOf(benchServices(services)));
  const host = { addresses: ['192.0.2.10'], conntrackTcpBeLiberal: false };
  const routes = finish(decideRoutes({ family: 'IPv4', snapshot, settings: defaultRoutingSettings, host }));
  const lastPlan = planOf(layoutOf(routes));
  return {
    snapshot: () => snapshot,
    families: () => [
      { family: 'IPv4', routes, lastPlan, quarantined: ['team-01/service-00001:http/tcp'] },
      { family: 'IPv6', routes: undefined, lastPlan: undefined, quarantined: [] },
    ],
  };
}

/** What an agent holds before its source is synced. */
export const nothingHeard: DebugState = { snapshot: () => undefined, families: () => [] };
