import type { Family } from '../../../model/address.ts';
import type { Rule, Target } from '../objects.ts';
import { newPools, type Reading, readRule } from './parse-rule.ts';
import { splitWords } from './parse-words.ts';

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
  const matches = newPools();
  const targets = new Map<string, Target>();
  let chains = new Set<string>();
  for (const { line, words } of lines(text)) {
    const read = readStatement({ line, words, reading: { family, matches, targets, chains } });
    if (read.kind === 'table') {
      chains = new Set();
      // Another table, other chains: the same name behind `-j` may mean something else.
      targets.clear();
    } else if (read.kind === 'chain' || (read.kind === 'manage' && read.verb === 'new'))
      chains.add(read.chain);
    yield read;
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
  if (first.startsWith(':')) return { kind: 'chain', line, chain: first.slice(1), policy: words[1] ?? '' };
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

/** The words of each line that says something. A quotation that is open at the end of a line goes on in the next. */
function* lines(text: string): Generator<{ line: number; words: string[] }, void, undefined> {
  let line = 0;
  let start = 0;
  let pending = '';
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    const one = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
    line++;
    if (pending === '' && (one === '' || one.startsWith('#'))) continue;
    const whole = pending === '' ? one : `${pending}\n${one}`;
    const words = splitWords(whole);
    pending = words === undefined ? whole : '';
    if (words !== undefined && words.length > 0) yield { line, words };
  }
  // A quotation that never ended: as one word it is no command.
  if (pending !== '') yield { line, words: [pending] };
}

function unreadable({ line, words }: Line, reason: string): Statement {
  return { kind: 'unreadable', line, reason, words };
}
