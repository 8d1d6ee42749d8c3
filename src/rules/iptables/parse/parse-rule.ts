import type { Family } from '../../../model/address.ts';
import type { Match, Rule, Target, TransportProtocol } from '../objects.ts';
import { quote } from '../render.ts';
import { readNetwork, readPort } from './parse-address.ts';
import { type Cursor, groupReaders, moreOptions, next } from './parse-modules.ts';
import { isExtensionTarget, readOwnTarget } from './parse-target.ts';

/** Kinds of matches that recur; by the word behind their option. */
type Pool = 'source' | 'destination' | 'protocol' | 'ports' | 'comment';

/** Empty pools, for a new text. */
export function newPools(): Reading['matches'] {
  return {
    source: new Map(),
    destination: new Map(),
    protocol: new Map(),
    ports: new Map(),
    comment: new Map(),
  };
}

/** What the rules of one text have in common: equal matches and targets are one object, so that 100,000 rules stay small. */
export interface Reading {
  readonly family: Family;
  readonly matches: Readonly<Record<Pool, Map<string, Match>>>;
  readonly targets: Map<string, Target>;
  /** Chains of the current table that were declared so far: `-j LOG` is a jump where a chain has that name. */
  readonly chains: ReadonlySet<string>;
}

/** A rule from its words, beginning behind the chain's name. What nodeplane does not model becomes `other`; nothing fails. */
export function readRule(words: readonly string[], start: number, reading: Reading): Rule {
  const draft: Draft = { words, at: start, reading, matches: [], target: none, module: undefined };
  while (draft.at < words.length) {
    const begin = draft.at;
    const negated = words[begin] === '!';
    if (negated) draft.at++;
    const read = options.get(next(draft)) ?? readUnknown;
    read(draft, negated, begin);
  }
  // `-m tcp` and no `-p`: the kernel takes no such rule.
  if (draft.module !== undefined && !draft.matches.some(isProtocol))
    draft.matches.push({ kind: 'other', text: `-m ${draft.module}` });
  // An array that has grown by push keeps 16 places; a slice has its own length.
  return { matches: draft.matches.slice(), target: draft.target, service: undefined };
}

function isProtocol(match: Match): boolean {
  return match.kind === 'protocol' || (match.kind === 'other' && /^(?:! )?-p /.test(match.text));
}

interface Draft extends Cursor {
  readonly reading: Reading;
  readonly matches: Match[];
  target: Target;
  /** The last `-m tcp|udp|sctp`, whose options may stand anywhere behind it. */
  module: string | undefined;
}

/** Reads the values of one option, whose word has just been passed; `begin` is where it began, the `!` included. */
type OptionReader = (draft: Draft, negated: boolean, begin: number) => void;

const none: Target = { kind: 'none' };

const options: ReadonlyMap<string, OptionReader> = new Map<string, OptionReader>([
  ['-s', (draft, negated, begin) => readAddressMatch('source', draft, negated, begin)],
  ['-d', (draft, negated, begin) => readAddressMatch('destination', draft, negated, begin)],
  ['-i', readInterface],
  ['-p', readProtocol],
  ['-m', readModule],
  ['--dport', readPorts],
  ['-j', readTarget],
  ['-g', readGoto],
]);

/** Words that begin something new: where an unknown group of options ends. */
const starts: ReadonlySet<string> = new Set([...options.keys(), '-o', '-f', '-c']);

function readAddressMatch(
  kind: 'source' | 'destination',
  draft: Draft,
  negated: boolean,
  begin: number,
): void {
  const word = next(draft);
  pushPooled(draft, begin, kind, negated ? `!${word}` : word, () => {
    const cidr = readNetwork(word, draft.reading.family);
    return cidr === undefined ? undefined : { kind, cidr, negated };
  });
}

function readInterface(draft: Draft, negated: boolean): void {
  draft.matches.push({ kind: 'in-interface', name: copied(next(draft)), negated });
}

const protocols: ReadonlyMap<string, TransportProtocol> = new Map<string, TransportProtocol>([
  ['tcp', 'tcp'],
  ['udp', 'udp'],
  ['sctp', 'sctp'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['132', 'sctp'],
]);

function readProtocol(draft: Draft, negated: boolean, begin: number): void {
  const word = next(draft);
  const protocol = protocols.get(word);
  if (word === 'all' || word === '0') return;
  if (protocol === undefined || negated) pushOther(draft, begin);
  else pushPooled(draft, begin, 'protocol', protocol, () => ({ kind: 'protocol', protocol }));
}

function readModule(draft: Draft, _: boolean, begin: number): void {
  const name = next(draft);
  if (name === 'comment' && draft.words[draft.at] === '--comment') {
    draft.at++;
    readComment(draft, begin);
  } else if (protocols.has(name)) {
    draft.module = name;
  } else {
    const read = groupReaders.get(name)?.(draft);
    if (read !== undefined && !moreOptions(draft)) draft.matches.push(...read);
    else pushGroup(draft, begin + 2, begin);
  }
}

function readComment(draft: Draft, begin: number): void {
  const text = next(draft);
  pushPooled(draft, begin, 'comment', text, () => ({ kind: 'comment', text: copied(text) }));
}

function readPorts(draft: Draft, negated: boolean, begin: number): void {
  const word = next(draft);
  if (negated) {
    pushUnknown(draft, begin);
    return;
  }
  pushPooled(draft, begin, 'ports', word, () => {
    const colon = word.indexOf(':');
    const from = readPort(colon < 0 ? word : word.slice(0, colon) || '0');
    const to = colon < 0 ? from : readPort(word.slice(colon + 1) || '65535');
    return from === undefined || to === undefined || from > to
      ? undefined
      : { kind: 'destination-ports', from, to };
  });
}

function readTarget(draft: Draft, _: boolean, begin: number): void {
  const name = next(draft);
  const pooled = draft.at === draft.words.length ? draft.reading.targets.get(name) : undefined;
  draft.target = pooled ?? newTarget(draft, name, begin);
  if (draft.at === draft.words.length && draft.at === begin + 2)
    draft.reading.targets.set(copied(name), draft.target);
}

function newTarget(draft: Draft, name: string, begin: number): Target {
  const { chains, family } = draft.reading;
  if (!chains.has(name)) {
    const own = readOwnTarget(name, draft, family);
    if (own !== undefined) return own;
    if (isExtensionTarget(name) || moreOptions(draft))
      return { kind: 'other', text: group(draft, begin + 2, begin + 1) };
  }
  return { kind: 'jump', chain: copied(name) };
}

function readGoto(draft: Draft): void {
  draft.target = { kind: 'goto', chain: copied(next(draft)) };
}

/** An option that no module claimed: of `-m tcp`, or of nothing that we know. */
function readUnknown(draft: Draft, _: boolean, begin: number): void {
  while (draft.at < draft.words.length && !startsOption(draft.words, draft.at)) draft.at++;
  pushUnknown(draft, begin);
}

function pushUnknown(draft: Draft, begin: number): void {
  const option = draft.words[begin] === '!' ? draft.words[begin + 1] : draft.words[begin];
  const module = draft.module !== undefined && option?.startsWith('--') ? `-m ${draft.module} ` : '';
  draft.matches.push({ kind: 'other', text: module + joined(draft.words, begin, draft.at) });
}

function pushOther(draft: Draft, begin: number): void {
  draft.matches.push({ kind: 'other', text: joined(draft.words, begin, draft.at) });
}

/** From `begin` to the end of the group that `inside` lies in. */
function pushGroup(draft: Draft, inside: number, begin: number): void {
  draft.matches.push({ kind: 'other', text: group(draft, inside, begin) });
}

function group(draft: Draft, inside: number, begin: number): string {
  draft.at = inside;
  while (draft.at < draft.words.length && !startsGroup(draft.words, draft.at)) draft.at++;
  return joined(draft.words, begin, draft.at);
}

/** The match of that key, made once per text. What cannot be made stays as text. */
function pushPooled(
  draft: Draft,
  begin: number,
  pool: Pool,
  key: string,
  make: () => Match | undefined,
): void {
  const known = draft.reading.matches[pool].get(key);
  const match = known ?? make();
  if (match === undefined) {
    pushOther(draft, begin);
    return;
  }
  if (known === undefined) draft.reading.matches[pool].set(copied(key), match);
  draft.matches.push(match);
}

function startsGroup(words: readonly string[], at: number): boolean {
  const word = words[at] === '!' ? words[at + 1] : words[at];
  return word !== undefined && starts.has(word);
}

function startsOption(words: readonly string[], at: number): boolean {
  return words[at] === '!' || words[at]?.startsWith('-') === true;
}

function joined(words: readonly string[], from: number, to: number): string {
  return copied(words.slice(from, to).map(quote).join(' '));
}

/** A slice of a string keeps the whole string alive; a copy lets the 70 MB of a large node's rules go. */
function copied(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}
