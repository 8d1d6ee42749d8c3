import type { ChainDrift } from '../../comparison.ts';
import { type ChainNames, chainNames, firewall } from '../names.ts';
import type { Rule, RuleSet } from '../objects.ts';
import type { LiveRules } from './damage.ts';
import { isOlderNode } from './read-node.ts';
import { type Rewrite, ruleChanges, surplus } from './rule-changes.ts';

/** What drift is told from. */
export interface DriftContext extends LiveRules {
  /** Keys of Routes that somebody else changed, see damage.ts. */
  readonly damaged: ReadonlySet<string>;
  /** The key of the Route that a rule is about, wanted or read back. */
  readonly keyOf: (rule: Rule) => string | undefined;
  /** ServicePortName by Route key. */
  readonly names: ReadonlyMap<string, string>;
}

function nodeChainsOf({ postrouting, markMasquerade, forward, canary }: ChainNames): ReadonlySet<string> {
  return new Set([postrouting, markMasquerade, forward, canary, firewall]);
}

/**
 * Those rewrites that somebody else made necessary: of chains of damaged Routes, of chains of the node, and of dispatch chains that hold
 * foreign rules, lost a jump to a child that is still there, or differ in a rule of a damaged Route. On a node without our rules
 * nothing has drifted.
 */
export function findDrift(rewrites: readonly Rewrite[], context: DriftContext): readonly ChainDrift[] {
  const names = chainNames(context.layout.routes.node);
  if (!context.live.nat.has(names.services)) return [];
  const nodeChains = nodeChainsOf(names);
  const dispatched = jumpTargets(context.live);
  const olderNode = isOlderNode(context.live, context.layout.routes.node);
  return rewrites.flatMap((rewrite) => {
    const services = concerned(rewrite, context, { dispatched, nodeChains });
    if (services === undefined || (olderNode && nodeChains.has(rewrite.step.chain))) return [];
    return [describe(rewrite, services, context)];
  });
}

/** Keys of the Routes that a drifted chain concerns (none: the whole node); undefined when the chain has not drifted. */
function concerned(
  { step, service, before, after }: Rewrite,
  { live, read, explained, damaged, keyOf }: DriftContext,
  chains: { readonly dispatched: ReadonlySet<string>; readonly nodeChains: ReadonlySet<string> },
): readonly string[] | undefined {
  if (step.verb === 'insert' || chains.nodeChains.has(step.chain)) return [];
  if (service !== undefined) {
    // A chain that is neither there nor called for by others is new.
    const isNew = before === undefined && !explained.has(step.chain);
    return damaged.has(service) && !isNew ? [service] : undefined;
  }
  const [old, fresh] = [before?.rules ?? [], after?.rules ?? []];
  const lost = surplus(fresh, old);
  const hurt = [...lost, ...surplus(old, fresh)]
    .map(keyOf)
    .filter((key) => key !== undefined)
    .filter((key) => damaged.has(key));
  const foreign = read.foreign.some(({ table, chain }) => table === step.table && chain === step.chain);
  const cut = lost.some(({ service: about, target }) => {
    if (about !== undefined || target.kind !== 'jump') return false;
    const table = step.table === 'filter' ? live.filter : live.nat;
    return table.has(target.chain) && !chains.dispatched.has(`${step.table} ${target.chain}`);
  });
  return foreign || cut || hurt.length > 0 ? [...new Set(hurt)] : undefined;
}

function describe(rewrite: Rewrite, services: readonly string[], context: DriftContext): ChainDrift {
  const [service] = services;
  // What would be taken away is what somebody has added, and the other way round.
  const { step, before } = rewrite;
  const back = ruleChanges([rewrite], () => true);
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

/** `table chain` of every chain that some rule leads to. */
function jumpTargets(live: RuleSet): ReadonlySet<string> {
  const targets = new Set<string>();
  for (const table of ['filter', 'nat'] as const) {
    for (const { rules } of live[table].values()) {
      for (const { target } of rules) if (target.kind === 'jump') targets.add(`${table} ${target.chain}`);
    }
  }
  return targets;
}
