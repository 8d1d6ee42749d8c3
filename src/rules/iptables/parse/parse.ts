import { NodeplaneError } from '../../../errors.ts';
import type { Family } from '../../../model/address.ts';
import { canonicalRule } from '../fingerprint.ts';
import {
  builtinChains,
  type Chain,
  type Rule,
  type RuleSet,
  type TableName,
  tableNames,
} from '../objects.ts';
import { type Counters, parseStatements, type RuleStatement, type Statement } from './parse-statements.ts';

/** The rules that a text describes. */
export interface ParsedRules {
  /** Chains in the order in which the text declares them, built-in ones with their policy. A table that is not in the text is empty. */
  readonly ruleSet: RuleSet;
  /** What each rule has counted, where the text says so (`iptables-save -c`); rules that counted nothing are left out. */
  readonly counters: ReadonlyMap<Rule, Counters>;
  /** Tables in the text that nodeplane does not write to, such as `raw`; their content is left out. */
  readonly otherTables: readonly string[];
}

/**
 * Reads what `iptables-save` prints (either variant, with or without `-c`) or what `iptables-restore` takes, as if it were applied to
 * empty tables: `-I` puts first, `-D` takes the equal rule away, `-X` the chain. Spelled-out defaults are folded, so that an address is
 * always a network and a mark has its mask. A rule that uses what nodeplane does not model is kept, with that part as kind `other`.
 * @throws NodeplaneError `NP-RULES-001` with the line's number, for a line that is no rule text at all.
 */
export function parseRules(text: string, family: Family): ParsedRules {
  const parsing = parseInSteps(text, family);
  let step = parsing.next();
  while (step.done !== true) step = parsing.next();
  return step.value;
}

/** {@link parseRules} for large tables: yields now and then, so that a caller may pause. */
export function* parseInSteps(text: string, family: Family): Generator<undefined, ParsedRules> {
  const tables: Record<TableName, Map<string, DraftChain>> = {
    mangle: new Map(),
    filter: new Map(),
    nat: new Map(),
  };
  const counters = new Map<Rule, Counters>();
  const otherTables: string[] = [];
  let name = '';
  let table: TableName | undefined;
  let count = 0;
  for (const statement of parseStatements(text, family)) {
    if (++count % statementsPerStep === 0) yield;
    if (statement.kind === 'unreadable') throw unreadable(statement, name);
    if (statement.kind === 'table') {
      name = statement.table;
      table = tableNames.find((known) => known === name);
      if (table === undefined) otherTables.push(statement.table);
    } else if (table !== undefined) apply(statement, tables[table], table, counters);
  }
  return { ruleSet: tables, counters, otherTables };
}

export function unreadable(
  { line, reason, words }: Extract<Statement, { kind: 'unreadable' }>,
  table: string,
): NodeplaneError {
  return new NodeplaneError('NP-RULES-001', { line, table, reason, text: words.join(' ') });
}

/** Half a millisecond of work. */
const statementsPerStep = 100;

type DraftChain = Chain & { readonly rules: Rule[] };

function apply(
  statement: Exclude<Statement, { kind: 'table' | 'unreadable' }>,
  chains: Map<string, DraftChain>,
  table: TableName,
  counters: Map<Rule, Counters>,
): void {
  if (statement.kind === 'commit') return;
  const { chain } = statement;
  if (statement.kind === 'chain') {
    chains.set(chain, declared(table, chain, statement.policy));
  } else if (statement.kind === 'manage') {
    if (statement.verb === 'delete') chains.delete(chain);
    else chains.set(chain, declared(table, chain, '-'));
  } else {
    const draft = chains.get(chain) ?? declared(table, chain, '-');
    chains.set(chain, draft);
    change(draft.rules, statement);
    const counted = statement.counters;
    if (counted !== undefined && counted.packets > 0) counters.set(statement.rule, counted);
  }
}

function declared(table: TableName, name: string, policy: string): DraftChain {
  const drops = policy === 'DROP' && builtinChains[table].includes(name);
  return drops ? { table, name, rules: [], policy } : { table, name, rules: [] };
}

function change(rules: Rule[], { verb, rule, position }: RuleStatement): void {
  if (verb === 'append') rules.push(rule);
  else if (verb === 'insert') rules.splice((position ?? 1) - 1, 0, rule);
  else {
    const index = position === undefined ? indexOfRule(rules, rule) : position - 1;
    if (index >= 0) rules.splice(index, 1);
  }
}

/** Where the first rule stands that says the same, as `-D` looks for it; -1 when there is none. */
function indexOfRule(rules: readonly Rule[], rule: Rule): number {
  const wanted = canonicalRule(rule, true);
  return rules.findIndex((one) => canonicalRule(one, true) === wanted);
}
