import { hash } from 'node:crypto';
import type { Chain, ConntrackState, Match, MatchOf, Rule, Target, TargetOf } from './objects.ts';

/**
 * A digest of what a chain says, 16 characters of base64url and behind them the number of its rules: the same for a chain as it was wanted and as `iptables-save` of either
 * variant prints it. The order of matches, spelled-out defaults and the digits of a probability do not count; the order of rules does.
 * Comments count, but not in the chains of single services: above 1,000 endpoints they are written without.
 */
export function fingerprintChain(chain: Chain): string {
  const comments = !withoutComments.test(chain.name);
  let text = '';
  for (const rule of chain.rules) text += `${canonicalRule(rule, comments)}\n`;
  return digest(text, String(chain.rules.length));
}

/** How many rules the chain of a fingerprint has; none for a chain that is not there. */
export function rulesOf(fingerprint: string | undefined): number {
  return fingerprint === undefined ? 0 : Number(fingerprint.slice(digestLength));
}

const digestLength = 16;

/** The digest of one rule, comment included; for the rules that nodeplane puts into built-in chains. */
export function fingerprintRule(rule: Rule): string {
  return digest(canonicalRule(rule, true));
}

/** Two rules with the same canonical text do the same and look the same; `iptables -D` takes one for the other. */
export function canonicalRule(rule: Rule, comments: boolean): string {
  const parts: string[] = [];
  for (const match of rule.matches) {
    if (match.kind === 'comment' && !comments) continue;
    const part = canonicalMatch(match);
    if (part !== '') parts.push(part);
  }
  if (parts.length > 1) parts.sort();
  parts.push(canonicalTarget(rule.target));
  return parts.join('\t');
}

/** Under whatever prefix. */
const withoutComments = /^[A-Z]+-(?:SVC|SVL|SEP)-/;

/** The kernel keeps 255 bytes of a comment, and iptables cuts the rest off without a word. */
const commentLength = 255;

/** Made in one piece: a slice would keep the whole digest in memory, for each of 70,000 chains. */
function digest(text: string, end = ''): string {
  const head = hash('sha256', text, 'base64url').slice(0, digestLength);
  return Buffer.from(head + end, 'latin1').toString('latin1');
}

function canonicalMatch<K extends Match['kind']>(match: MatchOf<K>): string {
  return matchForm[match.kind](match);
}

function canonicalTarget<K extends Target['kind']>(target: TargetOf<K>): string {
  return targetForm[target.kind](target);
}

/** A match in short. Empty: it is always true, and neither variant prints it. */
const matchForm: { readonly [K in Match['kind']]: (match: MatchOf<K>) => string } = {
  comment: ({ text }) => `c ${text.slice(0, commentLength)}`,
  protocol: ({ protocol }) => `p ${protocol}`,
  source: ({ cidr, negated }) => networkForm('s', cidr, negated),
  destination: ({ cidr, negated }) => networkForm('d', cidr, negated),
  'destination-ports': ({ from, to }) => (from === 0 && to === 65535 ? '' : `o ${from}:${to}`),
  'in-interface': ({ name, negated }) => (name === '+' && !negated ? '' : `i${sign(negated)}${name}`),
  mark: ({ value, mask, negated }) => `m${sign(negated)}${value}/${mask}`,
  'conntrack-state': ({ states, negated }) => `t${sign(negated)}${stateBits(states)}`,
  'address-type': ({ side, negated }) => `a${sign(negated)}${side}`,
  statistic: ({ probability }) => `r ${Math.round(Number(probability) * 2 ** 31)}`,
  'recent-check': ({ list, seconds }) => `k ${list} ${seconds}`,
  'recent-set': ({ list }) => `e ${list}`,
  nfacct: ({ counter }) => `n ${counter}`,
  other: ({ text }) => `x ${text}`,
};

const targetForm: { readonly [K in Target['kind']]: (target: TargetOf<K>) => string } = {
  jump: ({ chain }) => `J ${chain}`,
  goto: ({ chain }) => `G ${chain}`,
  accept: () => 'A',
  drop: () => 'D',
  return: () => 'R',
  reject: () => 'E',
  mark: ({ clear, flip }) => `M ${clear}/${flip}`,
  masquerade: ({ fullyRandom }) => (fullyRandom ? 'Q random' : 'Q'),
  dnat: ({ address, port }) => `N ${address} ${port}`,
  none: () => '-',
  other: ({ text }) => `X ${text}`,
};

const stateBit: Readonly<Record<ConntrackState, number>> = {
  INVALID: 1,
  NEW: 2,
  RELATED: 4,
  ESTABLISHED: 8,
  UNTRACKED: 16,
  SNAT: 32,
  DNAT: 64,
};

function stateBits(states: readonly ConntrackState[]): number {
  let bits = 0;
  for (const state of states) bits |= stateBit[state];
  return bits;
}

function networkForm(letter: string, cidr: string, negated: boolean): string {
  return !negated && cidr.endsWith('/0') ? '' : `${letter}${sign(negated)}${cidr}`;
}

function sign(negated: boolean): string {
  return negated ? '!' : ' ';
}
