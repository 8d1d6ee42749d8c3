import type { Family } from '../../../model/address.ts';
import { type Chain, type Rule, type TableName, tableNames } from '../objects.ts';
import { unreadable } from './parse.ts';
import { type Statement, StatementReader } from './parse-statements.ts';

/** A chain whose rules are still coming. */
type OpenChain = Chain & { readonly rules: Rule[] };

/**
 * The chains of what `iptables-save` prints, one after the other, so that a large table is never held as a whole: a chain comes when its
 * rules are complete, those without rules at the end of their table. The text may come in pieces. Counters and other tables are left out.
 * @throws NodeplaneError `NP-RULES-001` as parseRules does.
 */
export class ChainReader {
  readonly #statements: StatementReader;
  #table: TableName | undefined;
  /** Declared, and without a rule so far. */
  #empty = new Set<string>();
  #open: OpenChain | undefined;

  constructor(family: Family) {
    this.#statements = new StatementReader(family);
  }

  *push(piece: string): Generator<Chain, void, undefined> {
    for (const statement of this.#statements.push(piece)) yield* this.#take(statement);
  }

  *end(): Generator<Chain, void, undefined> {
    for (const statement of this.#statements.end()) yield* this.#take(statement);
  }

  *#take(statement: Statement): Generator<Chain, void, undefined> {
    if (statement.kind === 'unreadable') throw unreadable(statement, this.#table ?? '');
    if (statement.kind === 'rule' && this.#table !== undefined) {
      if (this.#open?.name !== statement.chain) {
        yield* this.#begin({ table: this.#table, name: statement.chain, rules: [] });
        this.#empty.delete(statement.chain);
      }
      this.#open?.rules.push(statement.rule);
    } else if (statement.kind === 'chain') this.#empty.add(statement.chain);
    else if (statement.kind === 'table' || statement.kind === 'commit') {
      yield* this.#endTable();
      this.#table =
        statement.kind === 'table' ? tableNames.find((name) => name === statement.table) : undefined;
    }
  }

  *#begin(chain: OpenChain | undefined): Generator<Chain, void, undefined> {
    if (this.#open !== undefined) yield this.#open;
    this.#open = chain;
  }

  *#endTable(): Generator<Chain, void, undefined> {
    yield* this.#begin(undefined);
    const table = this.#table;
    if (table !== undefined) for (const name of this.#empty) yield { table, name, rules: [] };
    this.#empty = new Set();
  }
}
