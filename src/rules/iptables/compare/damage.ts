import type { Route } from '../../../routing/route.ts';
import { canonicalRule } from '../fingerprint.ts';
import { dispatchEntries } from '../layout/dispatch-rules.ts';
import { type Layout, wantedChains } from '../layout/layout.ts';
import { guardedAddresses, serviceChains } from '../layout/service-chains.ts';
import { chainNames } from '../names.ts';
import type { Chain, RuleSet, Table } from '../objects.ts';
import type { ReadRoute, ReadRoutes } from './read-routes.ts';

/** The kernel's rules, and what they say of the Services. */
export interface LiveRules {
  readonly live: RuleSet;
  readonly read: ReadRoutes;
  readonly layout: Layout;
  readonly explained: ReadonlyMap<string, Explained>;
}

/** A chain of a Service as its Route in the kernel lays out to. */
export interface Explained {
  /** Key of the Route. */
  readonly service: string;
  /** The whole chain in canonical form. */
  readonly text: string;
}

/** What the chains of every Service would be, laid out from the Routes in the kernel, by name. */
export function explainedChains(read: ReadRoutes, layout: Layout): ReadonlyMap<string, Explained> {
  const explained = new Map<string, Explained>();
  for (const [service, { route, localPods }] of read.routes) {
    const node = { ...layout.routes.node, localPods };
    for (const chain of serviceChains(route, node, false)) {
      explained.set(chain.name, { service, text: canonicalChain(chain) });
    }
  }
  return explained;
}

/** Comments are left out: above 1,000 endpoints they are not written, and they move no packet. */
function canonicalChain(chain: Chain): string {
  return chain.rules.map((rule) => canonicalRule(rule, false)).join('\n');
}

/** Keys of Routes whose rules in the kernel are those of no state that a Service can have: somebody took rules away or put some in. */
export function damagedRoutes(rules: LiveRules): ReadonlySet<string> {
  const filterRules = canonicalRules(rules.live.filter);
  return new Set([
    ...changedByOthers(rules),
    ...cutOff(rules),
    ...[...rules.read.routes]
      .filter(([, read]) => isImpossible(rules, read, filterRules))
      .map(([key]) => key),
    ...withoutDetector(rules),
  ]);
}

/** A chain is not what the other rules of its Service call for. */
function changedByOthers({ live, explained }: LiveRules): readonly string[] {
  return [...explained].flatMap(([name, { service, text }]) => {
    const chain = live.nat.get(name);
    return chain !== undefined && canonicalChain(chain) === text ? [] : [service];
  });
}

/** A chain that is wanted is there, and no Route in the kernel has it any more: what led to it is gone. */
function cutOff({ live, layout, explained }: LiveRules): readonly string[] {
  const found: string[] = [];
  for (const { table, name, service } of wantedChains(layout)) {
    if (service !== undefined && live[table].has(name) && !explained.has(name)) found.push(service);
  }
  return found;
}

function isImpossible(
  { live, layout }: LiveRules,
  { route }: ReadRoute,
  filterRules: ReadonlySet<string>,
): boolean {
  // Every Service has a ClusterIP.
  if (route.clusterIPs.length === 0) return true;
  const hasEntry = live.nat.has(chainNames(layout.routes.node).serviceChain('EXT', route));
  if (hasEntry && route.external.at(-1)?.source !== 'any') return true;
  return guardedAddresses(route).length > 0 && !blocksOthers(filterRules, layout, route);
}

/** What the source ranges of a load balancer do not let in is dropped in the filter table. */
function blocksOthers(filterRules: ReadonlySet<string>, layout: Layout, route: Route): boolean {
  return dispatchEntries(route, layout.routes.node, layout.options.features)
    .filter(({ tree }) => tree === 'filter-firewall')
    .every(({ rule }) => filterRules.has(canonicalRule(rule, true)));
}

function canonicalRules(table: Table): ReadonlySet<string> {
  return new Set([...table.values()].flatMap(({ rules }) => rules.map((rule) => canonicalRule(rule, true))));
}

/** How a node tells its own pods holds for all Services: where one has that rule as it is wanted, none may lack it. */
function withoutDetector({ read, layout }: LiveRules): readonly string[] {
  const wanted = JSON.stringify(layout.routes.node.localPods);
  const routes = [...read.routes];
  if (wanted === undefined || !routes.some(([, { localPods }]) => JSON.stringify(localPods) === wanted))
    return [];
  return routes.filter(([, { route }]) => lacksDetector(route)).map(([key]) => key);
}

function lacksDetector({ internal, external }: Route): boolean {
  const balanced = internal.filter(({ action }) => action.kind === 'balance');
  const unmarked =
    balanced.length > 0 && balanced.every(({ action }) => action.kind === 'balance' && !action.masquerade);
  const sources = external.map(({ source }) => source);
  return unmarked || (sources.includes('node') && !sources.includes('local-pods'));
}
