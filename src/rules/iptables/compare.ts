import { entries } from '../../model/immutable-map.ts';
import type { Route } from '../../routing/route.ts';
import type { Comparison, ServiceChange } from '../comparison.ts';
import { describeChange } from '../describe-change.ts';
import { appliedInSteps } from './applied.ts';
import { planAll } from './delta.ts';
import { explainedChains, findDrift } from './drift.ts';
import { type Layout, wantedChains } from './layout.ts';
import type { Rule, RuleSet } from './objects.ts';
import { type ReadRoute, readRoutes } from './read-routes.ts';
import { type Rewrite, rewritesOf, ruleChanges } from './rule-changes.ts';

/**
 * Compares the wanted rules of a family with the kernel's and says it by Service: what differs between two states of a Service is a change,
 * what no state of a Service explains is drift. Empty exactly when a plan would have no steps. Yields as planning does.
 */
export function* compare(layout: Layout, live: RuleSet): Generator<undefined, Comparison> {
  const plan = yield* planAll(yield* appliedInSteps(live), layout);
  if (plan.steps.length === 0) return { changes: [], drift: [] };
  const wanted = new Map(
    [...wantedChains(layout)].map(({ table, name, chain }) => [`${table} ${name}`, chain]),
  );
  const read = readRoutes(live, plan.family);
  const explained = explainedChains(read, layout);
  const steps = plan.steps.map((step) => ({
    ...step,
    service: step.service ?? explained.get(step.chain)?.service,
  }));
  const rewrites = rewritesOf(steps, live, wanted);
  const routes = pairRoutes(layout, read.routes);
  const names = new Map(routes.map(({ key, name }) => [key, name]));
  const drift = findDrift(rewrites, { live, read, layout, explained, names });
  const excused = new Set(drift.flatMap(({ services }) => services));
  const changes = routes
    .filter(({ key }) => !excused.has(key))
    .flatMap((pair) => changeOf(pair, layout, rewrites));
  const rest = changes.length + drift.length === 0 ? [structureChange(layout, rewrites)] : [];
  return { changes: [...changes, ...rest], drift: drift.map((found) => found.drift) };
}

interface RoutePair {
  readonly key: string;
  readonly name: string;
  readonly before: ReadRoute | undefined;
  readonly after: Route | undefined;
}

/** Every Route that is in the kernel or wanted, by name. */
function pairRoutes(layout: Layout, live: ReadonlyMap<string, ReadRoute>): readonly RoutePair[] {
  const wanted = new Map(entries(layout.routes.routes));
  return [...new Set([...wanted.keys(), ...live.keys()])].sort().map((key) => {
    const [before, after] = [live.get(key), wanted.get(key)];
    return { key, name: after?.name ?? before?.route.name ?? key, before, after };
  });
}

function changeOf(pair: RoutePair, layout: Layout, rewrites: readonly Rewrite[]): readonly ServiceChange[] {
  const { localPods } = layout.routes.node;
  const after = pair.after === undefined ? undefined : { route: pair.after, localPods };
  const change = describeChange(pair.before, after);
  if (change === undefined) return [];
  const protocol = change.protocol?.toLowerCase();
  const about = (rule: Rule) => rule.service === pair.key || isNamed(rule, pair.name, protocol);
  const rules = ruleChanges(
    rewrites,
    (rule, { service }) => service === pair.key || (service === undefined && about(rule)),
  );
  return [{ ...change, rules }];
}

/** Whether a rule that was read back is about the Service port, by its comment. */
function isNamed({ service, matches }: Rule, name: string, protocol: string | undefined): boolean {
  if (service !== undefined) return false;
  const words = matches.find((match) => match.kind === 'comment')?.text ?? '';
  const sameProtocol = matches.some((match) => match.kind === 'protocol' && match.protocol === protocol);
  return sameProtocol && (words === name || words.startsWith(`${name} `));
}

/** Nothing that a Service would notice: the first rules of an empty cluster, or the same rules in other chains. */
function structureChange(layout: Layout, rewrites: readonly Rewrite[]): ServiceChange {
  const fresh = rewrites.every(({ before }) => before === undefined);
  const count = `${rewrites.length} ${rewrites.length === 1 ? 'step' : 'steps'}`;
  return {
    service: 'node',
    family: layout.routes.node.family,
    protocol: undefined,
    action: fresh ? 'add' : 'change',
    addresses: [],
    before: undefined,
    after: undefined,
    details: [
      fresh ? `the chains that belong to no Service, ${count}` : `the same rules in other chains, ${count}`,
    ],
    rules: ruleChanges(rewrites, () => true),
  };
}
