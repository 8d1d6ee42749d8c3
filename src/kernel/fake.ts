import type { Family } from '../model/address.ts';
import { type Chain, type RuleSet, type TableName, tableNames } from '../rules/iptables/objects.ts';
import { parseStatements, type Statement } from '../rules/iptables/parse/parse-statements.ts';
import { Refused, restoreAnswer } from './fake-refusal.ts';
import { saveText } from './fake-save.ts';
import { emptyTable, type FakeTable } from './fake-tables.ts';
import { type FakeTransaction, openTransaction } from './fake-transaction.ts';
import type { IptablesVariant } from './iptables-programs.ts';

/** The iptables of one family in a kernel that exists in memory only. */
export interface FakeIptables {
  readonly family: Family;
  readonly variant: IptablesVariant;
  /** As `iptables-restore`: each `*table … COMMIT` is taken as a whole or not at all, and the first refusal ends it. */
  readonly restore: (text: string, options?: FakeRestoreOptions) => FakeAnswer;
  /** As `iptables-save`: one table, or all that were written to. */
  readonly save: (table?: TableName) => string;
  /** What it holds, for the tracer. */
  readonly ruleSet: () => RuleSet;
}

/** As the options of `iptables-restore`. */
export interface FakeRestoreOptions {
  /** Leave what the text does not name. Without it, each table in the text is emptied first. */
  readonly noflush?: boolean;
  /** Read only, change nothing, and leave the kernel out of it. */
  readonly test?: boolean;
}

export interface FakeAnswer {
  readonly exitCode: number;
  readonly stderr: string;
}

/**
 * An empty kernel that takes and refuses what the real one does, with the texts of iptables 1.8.9. It knows the tables mangle, filter and
 * nat, matches and targets of nodeplane's in full, and others as text. Names of ports and hosts are not looked up.
 */
export function createFakeIptables(
  family: Family,
  { variant = 'nft', counters = [] }: { variant?: IptablesVariant; counters?: readonly string[] } = {},
): FakeIptables {
  const kernel: Kernel = {
    family,
    variant,
    counters: new Set(counters),
    tables: { mangle: emptyTable('mangle'), filter: emptyTable('filter'), nat: emptyTable('nat') },
    used: new Set(),
  };
  return {
    family,
    variant,
    restore: (text, options = {}) => restore(kernel, text, options),
    save: (table) => {
      const names = table === undefined ? tableNames.filter((name) => kernel.used.has(name)) : [table];
      return names.map((name) => saveText(kernel.tables[name], family)).join('');
    },
    ruleSet: () => ({
      mangle: chainsOf(kernel.tables.mangle),
      filter: chainsOf(kernel.tables.filter),
      nat: chainsOf(kernel.tables.nat),
    }),
  };
}

interface Kernel {
  readonly family: Family;
  readonly variant: IptablesVariant;
  readonly counters: ReadonlySet<string>;
  readonly tables: Record<TableName, FakeTable>;
  /** Tables that were written to. */
  readonly used: Set<TableName>;
}

function restore(kernel: Kernel, text: string, options: FakeRestoreOptions): FakeAnswer {
  try {
    let open: FakeTransaction | undefined;
    for (const statement of parseStatements(text, kernel.family))
      open = step(kernel, options, open, statement);
    if (open !== undefined) {
      const line = text.split('\n').length + (text.endsWith('\n') ? 0 : 1);
      throw new Refused({ kind: 'plain', text: `PROGRAM: COMMIT expected at line ${line}` });
    }
    return { exitCode: 0, stderr: '' };
  } catch (error) {
    if (error instanceof Refused) return restoreAnswer(error.refusal, kernel.variant, kernel.family);
    throw error;
  }
}

/** One line. Returns the transaction that is open after it. */
function step(
  kernel: Kernel,
  options: FakeRestoreOptions,
  open: FakeTransaction | undefined,
  statement: Statement,
): FakeTransaction | undefined {
  const { kind, line } = statement;
  if (open === undefined) {
    if (kind !== 'table') throw new Refused({ kind: 'plain', text: `PROGRAM: line ${line} failed` });
    return begin(kernel, options, statement);
  }
  if (kind === 'table')
    throw new Refused({ kind: 'usage', line, text: `Bad argument \`*${statement.table}'`, bare: true });
  if (kind === 'unreadable') throw unreadable(statement);
  if (kind !== 'commit') {
    open.apply(statement);
    return open;
  }
  if (options.test === true) return undefined;
  const table = open.commit(line);
  kernel.tables[table.name] = table;
  kernel.used.add(table.name);
  return undefined;
}

function begin(
  kernel: Kernel,
  { noflush = false }: FakeRestoreOptions,
  { table, line }: Extract<Statement, { kind: 'table' }>,
): FakeTransaction {
  const name = tableNames.find((known) => known === table);
  const text =
    kernel.variant === 'nft'
      ? `PROGRAM: line ${line} table name '${table}' invalid`
      : `PROGRAM: unable to initialize table '${table}'`;
  if (name === undefined) throw new Refused({ kind: 'usage', line, text });
  const { family, variant, counters } = kernel;
  return openTransaction({ table: kernel.tables[name], noflush, family, variant, counters });
}

function unreadable({ line, words }: Extract<Statement, { kind: 'unreadable' }>): Refused {
  const [word = ''] = words;
  if (!word.startsWith('-'))
    return new Refused({ kind: 'usage', line, text: `Bad argument \`${word}'`, bare: true });
  const text =
    words.length === 1
      ? `option "${word}" requires an argument`
      : `You cannot use \`${word}' from iptables-restore`;
  return new Refused({ kind: 'usage', line, text });
}

function chainsOf({ name: table, chains }: FakeTable): ReadonlyMap<string, Chain> {
  return new Map(
    Array.from(chains, ([name, { rules, policy }]): [string, Chain] => [
      name,
      { table, name, rules: [...rules], ...(policy === 'DROP' ? { policy } : {}) },
    ]),
  );
}
