import type { Family } from '../../../model/address.ts';
import type { Rule, Target } from '../objects.ts';
import { detached } from './detached.ts';
import { newPools, type Reading, readRule } from './parse-rule.ts';
import { LineReader, type Words } from './read-lines.ts';

/** One line of restore input or save output. `line` counts from 1. */
export type Statement =
  | { readonly kind: 'table'; readonly line: number; readonly table: string }
  /** `:CHAIN POLICY [packets:bytes]`; policy `-` for a user-defined chain. */
  | { readonly kind: 'chain'; readonly line: number; readonly chain: string; readonly policy: string }
  | RuleStatement
  /** `-N`, `-F` and `-X`. */
  | {
      readonly kind: 'manage';
      readonly line: number;
      readonly verb: 'new' | 'flush' | 'delete';
      readonly chain: string;
    }
  | { readonly kind: 'commit'; readonly line: number }
  /** No rule text at all. */
  | {
      readonly kind: 'unreadable';
      readonly line: number;
      readonly reason: string;
      readonly words: readonly string[];
    };

/** `-A`, `-I` and `-D`. */
export interface RuleStatement {
  readonly kind: 'rule';
  readonly line: number;
  readonly verb: 'append' | 'insert' | 'delete';
  readonly chain: string;
  readonly rule: Rule;
  /** `-I CHAIN 2 …`, `-D CHAIN 2`: which rule, from 1. */
  readonly position: number | undefined;
  readonly counters: Counters | undefined;
}

/** What a rule has counted, from `iptables-save -c`. */
export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

/**
 * The statements of a text, one by one; comments and empty lines left out. Rules with matches and targets that nodeplane does not
 * model are read as such (kind `other`). Never throws: a line that is no rule text at all is `unreadable`.
 */
export function* parseStatements(text: string, family: Family): Generator<Statement, void, undefined> {
  const reader = new StatementReader(family);
  yield* reader.push(text);
  yield* reader.end();
}

/** {@link parseStatements} of a text that comes in pieces, which may end anywhere. Of a piece that was read nothing is kept. */
export class StatementReader {
  readonly #family: Family;
  readonly #lines = new LineReader();
  /** Chains of the table, and at the end of the text none. */
  #chains = new Set<string>();

  constructor(family: Family) {
    this.#family = family;
  }

  *push(piece: string): Generator<Statement, void, undefined> {
    yield* this.#read(this.#lines.push(piece));
  }

  *end(): Generator<Statement, void, undefined> {
    yield* this.#read(this.#lines.end());
  }

  *#read(lines: Iterable<Words>): Generator<Statement, void, undefined> {
    const matches = newPools();
    const targets = new Map<string, Target>();
    for (const { line, words } of lines) {
      const reading = { family: this.#family, matches, targets, chains: this.#chains };
      const read = readStatement({ line, words, reading });
      if (read.kind === 'table') {
        this.#chains = new Set();
        // Another table, other chains: the same name behind `-j` may mean something else.
        targets.clear();
      } else if (read.kind === 'chain' || (read.kind === 'manage' && read.verb === 'new'))
        this.#chains.add(read.chain);
      yield read;
    }
  }
}

interface Line {
  readonly line: number;
  readonly words: readonly string[];
  readonly reading: Reading;
}

function readStatement(input: Line): Statement {
  const { line, words } = input;
  const first = words[0] ?? '';
  if (first.startsWith('*')) return { kind: 'table', line, table: first.slice(1) };
  if (first === 'COMMIT') return { kind: 'commit', line };
  if (first.startsWith(':'))
    return { kind: 'chain', line, chain: detached(first.slice(1)), policy: words[1] ?? '' };
  const counters = first.startsWith('[') ? readCounters(first) : undefined;
  const at = counters === undefined ? 0 : 1;
  const command = words[at] ?? '';
  const chain = words[at + 1];
  if (chain === undefined)
    return unreadable(
      input,
      ruleVerbs.has(command) || chainVerbs.has(command)
        ? 'the chain is missing'
        : `"${command}" is no command`,
    );
  const management = chainVerbs.get(command);
  if (management !== undefined) return { kind: 'manage', line, verb: management, chain };
  const verb = ruleVerbs.get(command);
  if (verb === undefined) return unreadable(input, `"${command}" is no command`);
  const position = verb === 'append' ? undefined : readPosition(words[at + 2]);
  const rule = readRule(words, at + (position === undefined ? 2 : 3), input.reading);
  return { kind: 'rule', line, verb, chain, rule, position, counters };
}

const ruleVerbs: ReadonlyMap<string, RuleStatement['verb']> = new Map([
  ['-A', 'append'],
  ['-I', 'insert'],
  ['-D', 'delete'],
]);

const chainVerbs: ReadonlyMap<string, 'new' | 'flush' | 'delete'> = new Map([
  ['-N', 'new'],
  ['-F', 'flush'],
  ['-X', 'delete'],
]);

function readPosition(word: string | undefined): number | undefined {
  return word !== undefined && /^\d+$/.test(word) ? Number(word) : undefined;
}

function readCounters(word: string): Counters | undefined {
  const colon = word.indexOf(':');
  const packets = Number(word.slice(1, colon));
  const bytes = Number(word.slice(colon + 1, -1));
  return colon > 0 && packets >= 0 && bytes >= 0 ? { packets, bytes } : undefined;
}

function unreadable({ line, words }: Line, reason: string): Statement {
  return { kind: 'unreadable', line, reason, words };
}
