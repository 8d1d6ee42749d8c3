import type { Family } from '../model/address.ts';
import { canonicalRule } from '../rules/iptables/fingerprint.ts';
import { builtinChains, type Match, type Rule } from '../rules/iptables/objects.ts';
import type { RuleStatement, Statement } from '../rules/iptables/parse/parse-statements.ts';
import { kernelFaults, type NewRule } from './fake-commit.ts';
import { type KernelFault, Refused } from './fake-refusal.ts';
import { destinationOf, emptyTable, type FakeChain, type FakeTable, keptRule } from './fake-tables.ts';
import { usageFault } from './fake-usage.ts';
import type { IptablesVariant } from './iptables-programs.ts';

/** One `*table … COMMIT`: a copy of the table that takes its place when all is well. */
export interface FakeTransaction {
  /** @throws Refused when the program would end here. */
  readonly apply: (statement: TableStatement) => void;
  /** The table as it is to be. @throws Refused when the kernel would not have it. */
  readonly commit: (line: number) => FakeTable;
}

export type TableStatement = Exclude<Statement, { kind: 'table' | 'commit' | 'unreadable' }>;

export interface TransactionOptions {
  readonly table: FakeTable;
  readonly noflush: boolean;
  readonly family: Family;
  readonly variant: IptablesVariant;
  /** Objects of nfacct that exist. */
  readonly counters: ReadonlySet<string>;
}

/** Opens a transaction on the table, which itself is left alone. */
export function openTransaction(options: TransactionOptions): FakeTransaction {
  const { table, noflush } = options;
  const draft: Draft = {
    ...options,
    table: noflush ? copyOf(table) : emptyTable(table.name),
    own: new Set(),
    rules: [],
    faults: [],
    missing: undefined,
  };
  return {
    apply: (statement) => {
      if (statement.kind === 'rule') applyRule(draft, statement);
      else if (statement.kind === 'chain') declare(draft, statement);
      else manage(draft, statement);
    },
    commit: (line) => commit(draft, line),
  };
}

interface Draft extends TransactionOptions {
  /** Chains that are copies already. */
  readonly own: Set<string>;
  readonly rules: NewRule[];
  readonly faults: KernelFault[];
  /** A chain that a rule jumps to and that does not exist; nft says so at the COMMIT. */
  missing: string | undefined;
}

function copyOf({ name, chains, references }: FakeTable): FakeTable {
  return { name, chains: new Map(chains), references: new Map(references) };
}

function commit(draft: Draft, line: number): FakeTable {
  const { table, missing, counters, faults } = draft;
  if (missing !== undefined) throw usage(line, `Chain '${missing}' does not exist`);
  const left = new Set([...draft.own].flatMap((name) => table.chains.get(name)?.rules ?? []));
  const here = draft.rules.filter(({ rule }) => left.has(rule));
  const all = [...faults, ...kernelFaults(table, here, counters)];
  if (all.length > 0) throw new Refused({ kind: 'kernel', line, faults: all });
  return table;
}

function declare(draft: Draft, { chain, policy, line }: Extract<Statement, { kind: 'chain' }>): void {
  const { table, variant } = draft;
  if (policy === '') throw usage(line, `PROGRAM: line ${line} policy invalid`);
  const builtin = builtinChains[table.name].includes(chain);
  if (!builtin) {
    const fault = nameFault(chain, variant);
    if (fault !== undefined && !table.chains.has(chain)) throw usage(line, fault);
    flush(draft, chain);
    table.chains.set(chain, { rules: [], policy: undefined });
    draft.own.add(chain);
  }
  if (policy === '-' || (!builtin && variant === 'nft')) return;
  if (builtin && (policy === 'ACCEPT' || policy === 'DROP')) writable(draft, chain).policy = policy;
  else throw policyRefused(draft, { chain, policy, line }, builtin);
}

function policyRefused(
  { variant }: Draft,
  { chain, policy, line }: { readonly chain: string; readonly policy: string; readonly line: number },
  builtin: boolean,
): Refused {
  const reason = builtin ? 'Bad policy name' : 'Bad built-in chain name';
  if (variant === 'nft') return new Refused({ kind: 'line', line, reason });
  const text = `PROGRAM v1.8.9 (legacy): Can't set policy \`${policy}' on \`${chain}' line ${line}: ${reason}`;
  return new Refused({ kind: 'plain', text });
}

function nameFault(name: string, variant: IptablesVariant): string | undefined {
  if (name.length > 28)
    return variant === 'nft'
      ? `chain name \`${name}' too long (must be under 29 chars)`
      : `Invalid chain name \`${name}' (28 chars max)`;
  const clash = standardTargets.has(name);
  if (variant === 'legacy') return clash ? `error creating chain '${name}':File exists` : undefined;
  if (clash) return 'chain name may not clash with target name';
  return /^[-!]/.test(name) ? `chain name not allowed to start with \`${name.charAt(0)}'` : undefined;
}

/** Verdicts; extensions may share their name with a chain. */
const standardTargets: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'QUEUE', 'RETURN']);

function manage(draft: Draft, { verb, chain, line }: Extract<Statement, { kind: 'manage' }>): void {
  const { table } = draft;
  const known = table.chains.get(chain);
  if (verb === 'new') {
    if (known !== undefined) throw lineRefused(line, 'Chain already exists');
    declare(draft, { kind: 'chain', chain, policy: '-', line });
  } else if (known === undefined || (verb === 'delete' && known.policy !== undefined)) {
    throw lineRefused(line, 'No chain/target/match by that name');
  } else if (verb === 'flush') {
    flush(draft, chain);
  } else {
    remove(draft, known, chain, line);
  }
}

function remove(draft: Draft, known: FakeChain, chain: string, line: number): void {
  const { table, variant } = draft;
  const busy = known.rules.length > 0 || (table.references.get(chain) ?? 0) > 0;
  if (busy && variant === 'legacy') throw lineRefused(line, 'Directory not empty');
  if (busy) {
    draft.faults.push({
      line,
      verb: 'CHAIN_DEL',
      reason: 'Device or resource busy',
      what: `chain ${chain}`,
    });
  }
  table.chains.delete(chain);
}

function applyRule(draft: Draft, statement: RuleStatement): void {
  const { line, chain, verb, position } = statement;
  checkRule(draft, statement);
  if (!draft.table.chains.has(chain)) {
    const reason = verb === 'delete' ? noSuchRule : 'No chain/target/match by that name';
    throw lineRefused(line, reason);
  }
  const { rules } = writable(draft, chain);
  const rule = keptRule(statement.rule);
  if (verb === 'delete') {
    const index = position === undefined ? rules.findIndex((one) => isSame(one, rule)) : position - 1;
    const [gone] = index < 0 ? [] : rules.splice(index, 1);
    if (gone === undefined)
      throw lineRefused(line, position === undefined ? noSuchRule : 'Index of deletion too big');
    count(draft.table, gone, -1);
    return;
  }
  const at = verb === 'append' ? rules.length : (position ?? 1) - 1;
  if (at > rules.length) throw lineRefused(line, 'Index of insertion too big');
  rules.splice(at, 0, rule);
  count(draft.table, rule, 1);
  draft.rules.push({ rule, chain, line, verb: verb === 'append' ? 'RULE_APPEND' : 'RULE_INSERT' });
}

const noSuchRule = 'Bad rule (does a matching rule exist in that chain?)';

function checkRule(draft: Draft, { line, chain, rule, verb, position }: RuleStatement): void {
  const { table, family, variant } = draft;
  if (verb === 'delete' && position !== undefined) return;
  if (chain.length > 28) throw usage(line, `chain name \`${chain}' too long (must be under 29 chars)`);
  const fault = usageFault(rule, { family, table: table.name, chain });
  if (fault !== undefined) throw new Refused({ kind: 'usage', line, ...fault });
  const to = destinationOf(rule);
  if (to === undefined) return;
  if (to.length > 28) throw usage(line, `Invalid target name \`${to}' (28 chars max)`);
  const known = table.chains.get(to);
  if (known?.policy !== undefined && variant === 'legacy') throw lineRefused(line, '');
  if (known !== undefined) return;
  if (variant === 'nft') draft.missing ??= to;
  else if (rule.target.kind === 'goto') throw usage(line, `goto '${to}' is not a chain`);
  else throw usage(line, `Couldn't load target \`${to}':No such file or directory\n`);
}

/** As `-D` compares: options of the packet's head in any order, matches in the order in which they were given. */
function isSame(a: Rule, b: Rule): boolean {
  return canonicalRule(a, true) === canonicalRule(b, true) && extensions(a) === extensions(b);
}

function extensions({ matches }: Rule): string {
  return matches
    .filter(({ kind }) => !headKinds.has(kind))
    .map(({ kind }) => kind)
    .join();
}

const headKinds: ReadonlySet<Match['kind']> = new Set(['source', 'destination', 'in-interface', 'protocol']);

function flush(draft: Draft, name: string): void {
  const chain = draft.table.chains.get(name);
  if (chain === undefined || chain.rules.length === 0) return;
  for (const rule of chain.rules) count(draft.table, rule, -1);
  writable(draft, name).rules.length = 0;
}

function count({ references }: FakeTable, rule: Rule, by: number): void {
  const to = destinationOf(rule);
  if (to !== undefined) references.set(to, (references.get(to) ?? 0) + by);
}

/** The chain, as one that the transaction may change. */
function writable(draft: Draft, name: string): FakeChain {
  const chain = draft.table.chains.get(name) ?? { rules: [], policy: undefined };
  if (draft.own.has(name)) return chain;
  const copy: FakeChain = { ...chain, rules: [...chain.rules] };
  draft.table.chains.set(name, copy);
  draft.own.add(name);
  return copy;
}

function usage(line: number, text: string): Refused {
  return new Refused({ kind: 'usage', line, text });
}

function lineRefused(line: number, reason: string): Refused {
  return new Refused({ kind: 'line', line, reason });
}
