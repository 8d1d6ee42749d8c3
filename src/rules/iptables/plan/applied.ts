import { get, type ImmutableMap, immutableMap, withEntries } from '../../../model/immutable-map.ts';
import type { Plan } from '../../plan.ts';
import { fingerprintChain, fingerprintRule, rulesOf } from '../fingerprint.ts';
import * as names from '../names.ts';
import { builtinChains, type Chain, type RuleSet, type TableName, tableNames } from '../objects.ts';

/** What the kernel holds of ours in one family: fingerprints, not rules, so that memory stays small. */
export interface Applied {
  /** Chain name → fingerprint, by table. */
  readonly chains: Readonly<Record<TableName, ImmutableMap<string>>>;
  /** `table builtin fingerprint` of rules that stand in built-in chains. */
  readonly jumps: ReadonlySet<string>;
  /** Rules in these chains together, by table; those in built-in chains are not among them. */
  readonly rules: Readonly<Record<TableName, number>>;
  /** `table chain` of our chains that rules of others lead to, when the kernel was read: it would not let them be deleted. */
  readonly held: ReadonlySet<string>;
}

export const nothingApplied: Applied = {
  chains: { mangle: immutableMap(), filter: immutableMap(), nat: immutableMap() },
  rules: { mangle: 0, filter: 0, nat: 0 },
  jumps: new Set(),
  held: new Set(),
};

/** Names of chains that exist once and are ours; kubelet's chains are not among them. */
const ownChains: ReadonlySet<string> = new Set([
  names.services,
  names.externalServices,
  names.nodePorts,
  names.postrouting,
  names.markMasquerade,
  names.forward,
  names.proxyFirewall,
  names.canary,
]);

/** Whether nodeplane (or kube-proxy, whose names these are) owns the chain and may delete it. */
export function isOurChain(name: string): boolean {
  return ownChains.has(name) || names.isServiceChain(name);
}

/** What was read from the kernel, as far as it is ours; KUBE-FIREWALL is shared with kubelet: compared, never deleted. */
export function appliedFrom(ruleSet: RuleSet): Applied {
  const reading = appliedInSteps(chainsIn(ruleSet));
  let step = reading.next();
  while (step.done !== true) step = reading.next();
  return step.value;
}

export function* chainsIn(ruleSet: RuleSet): Generator<Chain> {
  for (const table of tableNames) yield* ruleSet[table].values();
}

/** {@link appliedFrom} chain by chain: takes each once, keeps none, and yields between them, so that a caller may pause. */
export function* appliedInSteps(chains: Iterable<Chain>): Generator<undefined, Applied> {
  const jumps = new Set<string>();
  const held = new Set<string>();
  const ours: Record<TableName, [string, string][]> = { mangle: [], filter: [], nat: [] };
  const count = { mangle: 0, filter: 0, nat: 0 };
  for (const chain of chains) {
    const { table, name, rules } = chain;
    if (!isOurChain(name)) for (const lead of leadsToUs(chain)) held.add(`${table} ${lead}`);
    if (builtinChains[table].includes(name)) {
      for (const rule of rules) jumps.add(jumpKey(table, name, fingerprintRule(rule)));
    } else if (isOurChain(name) || name === names.firewall) {
      ours[table].push([name, fingerprintChain(chain)]);
      count[table] += rules.length;
      yield;
    }
  }
  const maps = {
    mangle: immutableMap(ours.mangle),
    filter: immutableMap(ours.filter),
    nat: immutableMap(ours.nat),
  };
  return { chains: maps, rules: count, jumps, held };
}

/** Our chains that a chain of somebody else leads to. */
export function leadsToUs({ rules }: Chain): readonly string[] {
  return rules.flatMap(({ target }) =>
    (target.kind === 'jump' || target.kind === 'goto') && isOurChain(target.chain) ? [target.chain] : [],
  );
}

/** What the kernel holds once the plan is applied. */
export function settle(applied: Applied, plan: Plan): Applied {
  const jumps = new Set(applied.jumps);
  const changes: Record<TableName, [string, string | undefined][]> = { mangle: [], filter: [], nat: [] };
  const rules = { ...applied.rules };
  for (const { verb, table: name, chain, fingerprint } of plan.steps) {
    if (verb === 'insert') {
      jumps.add(jumpKey(name, chain, fingerprint ?? ''));
      continue;
    }
    const table = tableNamed(name);
    changes[table].push([chain, fingerprint]);
    rules[table] += rulesOf(fingerprint) - rulesOf(get(applied.chains[table], chain));
  }
  const chains = {
    mangle: withEntries(applied.chains.mangle, changes.mangle),
    filter: withEntries(applied.chains.filter, changes.filter),
    nat: withEntries(applied.chains.nat, changes.nat),
  };
  return { chains, rules, jumps, held: applied.held };
}

export function jumpKey(table: string, builtin: string, fingerprint: string): string {
  return `${table} ${builtin} ${fingerprint}`;
}

export function tableNamed(table: string): TableName {
  return tableNames.find((name) => name === table) ?? 'nat';
}
