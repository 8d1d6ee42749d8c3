import type { ConntrackState, Match } from '../objects.ts';

/** Reads the words of one rule; `at` is the next one to be read. */
export interface Cursor {
  readonly words: readonly string[];
  at: number;
}

/** The matches of one `-m` group, or undefined when it says something that nodeplane does not model. Leaves the cursor behind the group. */
export type GroupReader = (cursor: Cursor) => readonly Match[] | undefined;

/** The next word, and on. Empty at the end of the line. */
export function next(cursor: Cursor): string {
  const word = cursor.words[cursor.at] ?? '';
  cursor.at++;
  return word;
}

/** Whether the group goes on. `--dport` belongs to `-m tcp`, which may stand far before it. */
export function moreOptions(cursor: Cursor): boolean {
  const word = cursor.words[cursor.at];
  const option = word === '!' ? cursor.words[cursor.at + 1] : word;
  return option?.startsWith('--') === true && option !== '--dport';
}

/** `-m NAME`: who reads what follows. */
export const groupReaders: ReadonlyMap<string, GroupReader> = new Map<string, GroupReader>([
  ['mark', readMark],
  ['conntrack', readConntrack],
  ['addrtype', readAddressType],
  ['statistic', readStatistic],
  ['recent', readRecent],
  ['nfacct', readNfacct],
]);

/** A number as iptables takes it, decimal or `0x…`; undefined when it is none of 32 bits. */
export function readNumber(text: string): number | undefined {
  const number = /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  return number <= 0xffffffff ? number : undefined;
}

function readMark(cursor: Cursor): readonly Match[] | undefined {
  const negated = skipNot(cursor);
  if (next(cursor) !== '--mark') return undefined;
  const [value = '', mask = '0xffffffff'] = next(cursor).split('/');
  const [bits, care] = [readNumber(value), readNumber(mask)];
  if (bits === undefined || care === undefined) return undefined;
  return [{ kind: 'mark', value: bits, mask: care, negated }];
}

/** In the order in which iptables-save prints them. */
const conntrackStates: readonly ConntrackState[] = [
  'INVALID',
  'NEW',
  'RELATED',
  'ESTABLISHED',
  'UNTRACKED',
  'SNAT',
  'DNAT',
];

function readConntrack(cursor: Cursor): readonly Match[] | undefined {
  const negated = skipNot(cursor);
  if (next(cursor) !== '--ctstate') return undefined;
  const names = next(cursor).split(',');
  const states = conntrackStates.filter((state) => names.includes(state));
  return states.length === names.length ? [{ kind: 'conntrack-state', states, negated }] : undefined;
}

function readAddressType(cursor: Cursor): readonly Match[] | undefined {
  const matches: Match[] = [];
  do {
    const negated = skipNot(cursor);
    const option = next(cursor);
    if (option !== '--src-type' && option !== '--dst-type') return undefined;
    if (next(cursor) !== 'LOCAL') return undefined;
    matches.push({ kind: 'address-type', side: option === '--src-type' ? 'source' : 'destination', negated });
  } while (moreOptions(cursor));
  return matches;
}

function readStatistic(cursor: Cursor): readonly Match[] | undefined {
  if (next(cursor) !== '--mode' || next(cursor) !== 'random' || next(cursor) !== '--probability')
    return undefined;
  const probability = Number(next(cursor));
  // Ten digits are finer than the kernel's steps of 2^-31, so nothing of its eleven is lost.
  return probability >= 0 && probability <= 1
    ? [{ kind: 'statistic', probability: probability.toFixed(10) }]
    : undefined;
}

/** `--set`, or `--rcheck --seconds N --reap`; `--mask` of a host and `--rsource` are the defaults, which iptables-save spells out. */
function readRecent(cursor: Cursor): readonly Match[] | undefined {
  let list = 'DEFAULT';
  let seconds = 0;
  let verbs = '';
  do {
    const option = next(cursor);
    if (option === '--name') list = next(cursor);
    else if (option === '--seconds') seconds = readNumber(next(cursor)) ?? 0;
    else if (option === '--set' || option === '--rcheck' || option === '--reap') verbs += option;
    else if (option === '--mask') {
      if (!hostMasks.has(next(cursor))) return undefined;
    } else if (option !== '--rsource') return undefined;
  } while (moreOptions(cursor));
  if (verbs === '--set' && seconds === 0) return [{ kind: 'recent-set', list }];
  if (verbs === '--rcheck--reap' && seconds > 0) return [{ kind: 'recent-check', list, seconds }];
  return undefined;
}

const hostMasks: ReadonlySet<string> = new Set([
  '255.255.255.255',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
]);

function readNfacct(cursor: Cursor): readonly Match[] | undefined {
  if (next(cursor) !== '--nfacct-name') return undefined;
  return [{ kind: 'nfacct', counter: next(cursor) }];
}

function skipNot(cursor: Cursor): boolean {
  if (cursor.words[cursor.at] !== '!') return false;
  cursor.at++;
  return true;
}
