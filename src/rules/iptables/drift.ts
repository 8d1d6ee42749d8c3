import type { ChainDrift } from '../comparison.ts';
import { canonicalRule } from './fingerprint.ts';
import type { Layout } from './layout.ts';
import * as names from './names.ts';
import type { Chain, Rule, RuleSet } from './objects.ts';
import type { ReadRoutes } from './read-routes.ts';
import { type Rewrite, ruleChanges, surplus } from './rule-changes.ts';
import { serviceChains } from './service-chains.ts';

/** What drift is told from: the kernel's rules, the Routes read back from them, and the wanted layout. */
export interface DriftContext {
  readonly live: RuleSet;
  readonly read: ReadRoutes;
  readonly layout: Layout;
  readonly explained: ReadonlyMap<string, Explained>;
  /** ServicePortName by Route key, of wanted and of live Routes. */
  readonly names: ReadonlyMap<string, string>;
}

/** A chain somebody else changed, with the keys of the Routes that it concerns. */
export interface FoundDrift {
  readonly drift: ChainDrift;
  readonly services: readonly string[];
}

const nodeChains: ReadonlySet<string> = new Set([
  names.postrouting,
  names.markMasquerade,
  names.forward,
  names.firewall,
  names.canary,
]);

/**
 * Those rewrites that somebody else made necessary. A Service's chain has drifted when it is not what the Routes in the kernel lay
 * out to, so that no earlier state of the Service explains it; a dispatch chain when it holds foreign rules or lost a rule to a
 * chain that is still there. On a node without our rules nothing has drifted.
 */
export function findDrift(rewrites: readonly Rewrite[], context: DriftContext): readonly FoundDrift[] {
  if (!context.live.nat.has(names.services)) return [];
  const { explained } = context;
  const dispatched = jumpTargets(context.live);
  return rewrites.flatMap((rewrite) => {
    const services = concerned(rewrite, context, explained, dispatched);
    return services === undefined ? [] : [{ drift: describe(rewrite, services, context), services }];
  });
}

/** Keys of the Routes that a drifted chain concerns (none: the whole node); undefined when the chain has not drifted. */
function concerned(
  rewrite: Rewrite,
  { live, read }: DriftContext,
  explained: ReadonlyMap<string, Explained>,
  dispatched: ReadonlySet<string>,
): readonly string[] | undefined {
  const { step, before, after } = rewrite;
  if (step.verb === 'insert' || nodeChains.has(step.chain)) return [];
  const text = explained.get(step.chain)?.text;
  if (text !== undefined || step.service !== undefined) {
    const asExplained = (before === undefined ? undefined : canonicalText(before)) === text;
    return asExplained ? undefined : [step.service ?? ''].filter((key) => key !== '');
  }
  const lost = surplus(after?.rules ?? [], before?.rules ?? []).filter((rule) => {
    return (
      rule.target.kind === 'jump' && live.nat.has(rule.target.chain) && !dispatched.has(rule.target.chain)
    );
  });
  const foreign = read.foreign.some(({ table, chain }) => table === step.table && chain === step.chain);
  if (!foreign && lost.length === 0) return undefined;
  return lost.flatMap(({ service }) => (service === undefined ? [] : [service]));
}

function describe(
  { step, before, after }: Rewrite,
  services: readonly string[],
  context: DriftContext,
): ChainDrift {
  const [service] = services;
  // What would be taken away is what somebody has added, and the other way round.
  const back = ruleChanges([{ step, before, after }], () => true);
  return {
    family: context.layout.routes.node.family,
    table: step.table,
    chain: step.chain,
    service: services.length === 1 && service !== undefined ? context.names.get(service) : undefined,
    missing: step.verb !== 'insert' && before === undefined,
    added: back.removed,
    removed: back.added,
  };
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
      explained.set(chain.name, { service, text: canonicalText(chain) });
    }
  }
  return explained;
}

/** Comments are left out: above 1,000 endpoints they are not written, and they move no packet. */
function canonicalText(chain: Chain): string {
  return chain.rules.map((rule) => canonicalRule(rule, false)).join('\n');
}

/** Chains that some rule of the nat table leads to. */
function jumpTargets(live: RuleSet): ReadonlySet<string> {
  const rules: readonly Rule[] = [...live.nat.values()].flatMap((chain) => chain.rules);
  return new Set(rules.flatMap(({ target }) => (target.kind === 'jump' ? [target.chain] : [])));
}
