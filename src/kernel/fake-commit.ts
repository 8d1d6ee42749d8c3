import { builtinChains, type Rule } from '../rules/iptables/objects.ts';
import type { KernelFault } from './fake-refusal.ts';
import { destinationOf, type FakeTable } from './fake-tables.ts';

/** A rule that a text has put into a chain. */
export interface NewRule {
  readonly rule: Rule;
  readonly chain: string;
  readonly line: number;
  readonly verb: 'RULE_APPEND' | 'RULE_INSERT';
}

/**
 * What the kernel has against new rules in a table, when they are committed: targets in tables that do not have them, NAT targets that
 * packets reach from another hook, chains that loop (looked for, as the kernel does, from the built-in chains), and counters that do
 * not exist.
 */
export function kernelFaults(
  table: FakeTable,
  rules: readonly NewRule[],
  counters: ReadonlySet<string>,
): readonly KernelFault[] {
  const faults = rules.flatMap((one) => {
    const reason = misfit(one.rule, table, counters);
    return reason === undefined ? [] : [faultOf(one, reason)];
  });
  return faults.length > 0 ? faults : wayFaults(table, rules);
}

function misfit(
  { matches, target }: Rule,
  { name, chains }: FakeTable,
  counters: ReadonlySet<string>,
): KernelFault['reason'] | undefined {
  for (const match of matches) {
    if (match.kind === 'nfacct' && !counters.has(match.counter)) return 'No such file or directory';
    if ('list' in match && match.list.includes('/')) return 'Invalid argument';
    if (match.kind === 'other' && /^-m (?:tcp|udp|sctp)$/.test(match.text)) return 'Invalid argument';
  }
  const natOnly = target.kind === 'dnat' || target.kind === 'masquerade';
  if ((natOnly && name !== 'nat') || (target.kind === 'reject' && name !== 'filter'))
    return 'Invalid argument';
  const to = target.kind === 'jump' || target.kind === 'goto' ? target.chain : undefined;
  return to !== undefined && chains.get(to)?.policy !== undefined ? 'No such file or directory' : undefined;
}

/** Faults on the ways from built-in chains: what a hook does not allow, and loops. */
function wayFaults(table: FakeTable, rules: readonly NewRule[]): readonly KernelFault[] {
  if (!rules.some(({ rule }) => isOfWays(rule))) return [];
  for (const hook of builtinChains[table.name]) {
    const way: Way = { table, hook, done: new Set(), open: new Set([hook]) };
    for (const rule of table.chains.get(hook)?.rules ?? []) {
      const wrong = walk(way, rule);
      if (wrong === undefined) continue;
      const culprit = wrong.loops ? wrong.rule : rule;
      const found = rules.find((one) => one.rule === culprit) ?? rules.at(-1);
      if (found !== undefined) return [faultOf(found, wrong.loops ? 'Too many links' : 'Invalid argument')];
    }
  }
  return [];
}

function isOfWays({ target }: Rule): boolean {
  return ['jump', 'goto', 'dnat', 'masquerade'].includes(target.kind);
}

interface Way {
  readonly table: FakeTable;
  readonly hook: string;
  readonly done: Set<string>;
  /** Chains that lead to where the walk is. */
  readonly open: Set<string>;
}

function walk(way: Way, rule: Rule): { readonly rule: Rule; readonly loops: boolean } | undefined {
  const { target } = rule;
  if (target.kind === 'dnat' && way.hook !== 'PREROUTING' && way.hook !== 'OUTPUT')
    return { rule, loops: false };
  if (target.kind === 'masquerade' && way.hook !== 'POSTROUTING') return { rule, loops: false };
  const chain = destinationOf(rule);
  if (chain === undefined || way.done.has(chain)) return undefined;
  if (way.open.has(chain)) return { rule, loops: true };
  way.open.add(chain);
  for (const next of way.table.chains.get(chain)?.rules ?? []) {
    const wrong = walk(way, next);
    if (wrong !== undefined) return wrong;
  }
  way.open.delete(chain);
  way.done.add(chain);
  return undefined;
}

function faultOf({ line, verb, chain }: NewRule, reason: KernelFault['reason']): KernelFault {
  return { line, verb, reason, what: `rule in chain ${chain}` };
}
