import type { Plan } from '../../plan.ts';
import { fingerprintChain, fingerprintRule } from '../fingerprint.ts';
import { type Layout, wantedChains } from '../layout/layout.ts';
import { jumpRules } from '../layout/node-chains.ts';
import { type ChainNames, firewall } from '../names.ts';
import { type Chain, type JumpRule, type TableName, tableNames } from '../objects.ts';

/** What the kernel holds of ours in one family: fingerprints, not rules, so that memory stays small. */
export interface Applied {
  /**
   * All that it wants is there as it wants it. Its chains are not listed besides: they follow from it, and the names and fingerprints of
   * 64,000 would be a third of the agent's memory. Undefined: what is known was read from the kernel.
   */
  readonly layout: Layout | undefined;
  /** Chain name → fingerprint, by table, of the other chains; what the layout wants counts before what is said here. */
  readonly chains: Readonly<Record<TableName, ReadonlyMap<string, string>>>;
  /** `table builtin fingerprint` of rules that stand in built-in chains. */
  readonly jumps: ReadonlySet<string>;
  /** Rules in these chains together, by table; those in built-in chains are not among them. */
  readonly rules: Readonly<Record<TableName, number>>;
  /** `table chain` of our chains that rules of others lead to, when the kernel was read: it would not let them be deleted. */
  readonly held: ReadonlySet<string>;
}

export const nothingApplied: Applied = {
  layout: undefined,
  chains: { mangle: new Map(), filter: new Map(), nat: new Map() },
  rules: { mangle: 0, filter: 0, nat: 0 },
  jumps: new Set(),
  held: new Set(),
};

/** Our chains that a chain of somebody else leads to. */
export function leadsToUs({ rules }: Chain, names: ChainNames): readonly string[] {
  return rules.flatMap(({ target }) =>
    (target.kind === 'jump' || target.kind === 'goto') && names.isOwn(target.chain) ? [target.chain] : [],
  );
}

/** What the kernel holds once the plan for the layout is applied. */
export function settle(applied: Applied, plan: Plan, layout: Layout): Applied {
  const rules = { ...applied.rules };
  for (const { verb, table, size, replaces } of plan.steps)
    if (verb !== 'insert') rules[tableNamed(table)] += size.lines - replaces;
  const { node } = layout.routes;
  const same = applied.layout?.routes.node === node;
  const jumps = same ? applied.jumps : new Set([...applied.jumps, ...jumpRules(node).map(jumpKey)]);
  return { layout, chains: besides(applied, plan), rules, jumps, held: applied.held };
}

/** Chains that stay when no layout wants them: what others hold on to, and what we share with kubelet. */
function besides({ chains, held }: Applied, { steps }: Plan): Applied['chains'] {
  const staying = ({ table, name }: Pick<Chain, 'table' | 'name'>) =>
    name === firewall || held.has(`${table} ${name}`);
  const emptied = steps.filter(({ verb, size }) => verb === 'write' && size.lines === 0);
  const inTable = (table: TableName) => {
    const here = emptied.filter((step) => step.table === table);
    const empty = here.map(({ chain }) => ({ table, name: chain, rules: [] })).filter(staying);
    return new Map([
      ...[...chains[table]].filter(([name]) => staying({ table, name })),
      ...empty.map((chain) => [chain.name, fingerprintChain(chain)] as const),
    ]);
  };
  return { mangle: inTable('mangle'), filter: inTable('filter'), nat: inTable('nat') };
}

/** The same with the chains of the layout listed, for who compares all. Yields between chains, so that a caller may pause. */
export function* listed(applied: Applied): Generator<undefined, Applied> {
  if (applied.layout === undefined) return applied;
  const { mangle, filter, nat } = applied.chains;
  const chains = { mangle: new Map(mangle), filter: new Map(filter), nat: new Map(nat) };
  for (const { table, name, chain } of wantedChains(applied.layout)) {
    if (chain !== undefined) chains[table].set(name, fingerprintChain(chain));
    yield;
  }
  return { ...applied, layout: undefined, chains };
}

/** What tells one rule of a built-in chain from others. */
export function jumpKey({ table, builtin, rule }: JumpRule): string {
  return `${table} ${builtin} ${fingerprintRule(rule)}`;
}

export function tableNamed(table: string): TableName {
  return tableNames.find((name) => name === table) ?? 'nat';
}
