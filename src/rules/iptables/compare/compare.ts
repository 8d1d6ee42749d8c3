import { entries } from '../../../model/immutable-map.ts';
import type { Route } from '../../../routing/route.ts';
import type { Comparison, ServiceChange } from '../../comparison.ts';
import { describeChange } from '../../describe-change.ts';
import { type Layout, wantedChains } from '../layout/layout.ts';
import { nodeChains } from '../layout/node-chains.ts';
import { chainNames } from '../names.ts';
import type { Rule, RuleSet } from '../objects.ts';
import { planAll } from '../plan/delta.ts';
import { appliedInSteps } from '../plan/read-applied.ts';
import { damagedRoutes, explainedChains } from './damage.ts';
import { findDrift } from './drift.ts';
import { type ReadRoute, readRoutes } from './read-routes.ts';
import { type Rewrite, rewritesOf, ruleChanges } from './rule-changes.ts';

/**
 * Compares the wanted rules of a family with the kernel's and says it by Service: what differs between two states of a Service is a change,
 * what no state of a Service explains is drift. Empty exactly when a plan would have no steps. Yields as planning does.
 */
export function* compare(layout: Layout, live: RuleSet): Generator<undefined, Comparison> {
  const names = chainNames(layout.routes.node);
  const plan = yield* planAll(yield* appliedInSteps(live, names), layout);
  if (plan.steps.length === 0) return { changes: [], drift: [] };
  const wanted = new Map(
    [...wantedChains(layout)].map(({ table, name, chain }) => [`${table} ${name}`, chain]),
  );
  const read = readRoutes(live, plan.family, names);
  const explained = explainedChains(read, layout);
  const ownerOf = (chain: string) => explained.get(chain)?.service;
  const rewrites = rewritesOf(plan.steps, { live, wanted, ownerOf });
  const pairs = pairRoutes(layout, read.routes);
  const rules = { live, read, layout, explained };
  const damaged = damagedRoutes(rules);
  const keyOf = keyReader(pairs);
  const namesOf = new Map(pairs.map(({ key, name }) => [key, name]));
  const drift = findDrift(rewrites, { ...rules, damaged, keyOf, names: namesOf });
  const changes = pairs
    .filter(({ key }) => !damaged.has(key))
    .flatMap((pair) => changeOf(pair, layout, rewrites, keyOf));
  const drifted = new Set(drift.map(({ table, chain }) => `${table} ${chain}`));
  const undrifted = rewrites.filter(({ step }) => !drifted.has(`${step.table} ${step.chain}`));
  return { changes: [...changes, ...nodeChange(layout, undrifted, changes.length + drift.length)], drift };
}

interface RoutePair {
  readonly key: string;
  /** ServicePortName. */
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

type KeyReader = (rule: Rule) => string | undefined;

/** Tells which Route a rule is about: by its own mark, or for a rule that was read back by its comment and protocol. */
function keyReader(pairs: readonly RoutePair[]): KeyReader {
  const keys = new Set(pairs.map(({ key }) => key));
  return ({ service, matches }) => {
    if (service !== undefined) return service;
    const words = matches.find((match) => match.kind === 'comment')?.text ?? '';
    const protocol = matches.find((match) => match.kind === 'protocol')?.protocol;
    // A ServicePortName has no spaces, so the first word is one or nothing is.
    const key = `${words.split(' ', 1)[0]}/${protocol}`;
    return keys.has(key) ? key : undefined;
  };
}

function changeOf(
  pair: RoutePair,
  layout: Layout,
  rewrites: readonly Rewrite[],
  keyOf: KeyReader,
): readonly ServiceChange[] {
  const { localPods } = layout.routes.node;
  const after = pair.after === undefined ? undefined : { route: pair.after, localPods };
  const change = describeChange(pair.before, after);
  if (change === undefined) return [];
  const rules = ruleChanges(rewrites, (rule, service) => (service ?? keyOf(rule)) === pair.key);
  return [{ ...change, rules }];
}

/** What belongs to no Service: told when the node's own chains follow other settings, or when there is nothing else to tell. */
function nodeChange(layout: Layout, rewrites: readonly Rewrite[], others: number): readonly ServiceChange[] {
  const node = layout.routes.node;
  const own = new Set(nodeChains(node, layout.options.features).map(({ name }) => name));
  const resettled = rewrites.filter(({ step, before }) => own.has(step.chain) && before !== undefined);
  const told = others === 0 ? rewrites : resettled;
  const fresh = told.every(({ before }) => before === undefined);
  if (told.length === 0 || (others > 0 && fresh)) return [];
  const what = fresh ? 'the chains that belong to no Service' : 'rules that belong to no Service';
  return [
    {
      service: 'node',
      family: node.family,
      protocol: undefined,
      action: fresh ? 'add' : 'change',
      addresses: [],
      before: undefined,
      after: undefined,
      details: [`${what}, ${told.length} ${told.length === 1 ? 'step' : 'steps'}`],
      rules: ruleChanges(told, () => true),
    },
  ];
}
