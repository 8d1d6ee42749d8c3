import { addressPort } from '../../model/address.ts';
import type { Match, MatchOf, Rule, Target, TargetOf } from './objects.ts';

/** What a rule line does: append to the chain, put first, or take the equal rule away. */
export type RuleVerb = '-A' | '-I' | '-D';

/** `-A CHAIN …`, word for word as kube-proxy writes it: matches in their order, then the target. No line end. */
export function renderRule(chain: string, rule: Rule): string {
  return renderRuleWith('-A', chain, rule);
}

/** The same rule with another verb: `-I CHAIN …` puts it first, `-D CHAIN …` removes it. */
export function renderRuleWith(verb: RuleVerb, chain: string, rule: Rule): string {
  const words = [verb, chain];
  for (const match of rule.matches) words.push(renderMatch(match));
  if (rule.target.kind !== 'none') words.push(renderTarget(rule.target));
  // Joined, not added up: a plan keeps 200,000 of these, and a sum keeps all its parts alive.
  return words.join(' ');
}

/** The options of one match, as they stand in a rule line. */
function renderMatch<K extends Match['kind']>(match: MatchOf<K>): string {
  return matchText[match.kind](match);
}

/** `-j …` with its options; empty for a rule without a target. */
export function renderTarget<K extends Target['kind']>(target: TargetOf<K>): string {
  return targetText[target.kind](target);
}

const matchText: { readonly [K in Match['kind']]: (match: MatchOf<K>) => string } = {
  comment: ({ text }) => `-m comment --comment ${quote(text)}`,
  protocol: ({ protocol }) => `-m ${protocol} -p ${protocol}`,
  source: ({ cidr, negated }) => `${not(negated)}-s ${network(cidr)}`,
  destination: ({ cidr, negated }) => `${not(negated)}-d ${network(cidr)}`,
  'destination-ports': ({ from, to }) => `--dport ${from === to ? from : `${from}:${to}`}`,
  'in-interface': ({ name, negated }) => `${not(negated)}-i ${name}`,
  mark: ({ value, mask, negated }) => `-m mark ${not(negated)}--mark ${hex(value)}/${hex(mask)}`,
  'conntrack-state': ({ states, negated }) => `-m conntrack ${not(negated)}--ctstate ${states.join(',')}`,
  'address-type': ({ side, negated }) =>
    `-m addrtype ${not(negated)}--${side === 'source' ? 'src' : 'dst'}-type LOCAL`,
  statistic: ({ probability }) => `-m statistic --mode random --probability ${probability}`,
  'recent-check': ({ list, seconds }) => `-m recent --name ${list} --rcheck --seconds ${seconds} --reap`,
  'recent-set': ({ list }) => `-m recent --name ${list} --set`,
  nfacct: ({ counter }) => `-m nfacct --nfacct-name ${counter}`,
  other: ({ text }) => text,
};

const targetText: { readonly [K in Target['kind']]: (target: TargetOf<K>) => string } = {
  jump: ({ chain }) => `-j ${chain}`,
  goto: ({ chain }) => `-g ${chain}`,
  accept: () => '-j ACCEPT',
  drop: () => '-j DROP',
  return: () => '-j RETURN',
  reject: () => '-j REJECT',
  mark: ({ clear, flip }) => `-j MARK ${markOption(clear, flip)}`,
  masquerade: ({ fullyRandom }) => (fullyRandom ? '-j MASQUERADE --random-fully' : '-j MASQUERADE'),
  dnat: ({ address, port }) => `-j DNAT --to-destination ${addressPort(address, port)}`,
  none: () => '',
  other: ({ text }) => `-j ${text}`,
};

function markOption(clear: number, flip: number): string {
  if (clear === flip) return `--or-mark ${hex(flip)}`;
  if (clear === 0) return `--xor-mark ${hex(flip)}`;
  return `--set-xmark ${hex(flip)}/${hex(clear)}`;
}

function not(negated: boolean): string {
  return negated ? '! ' : '';
}

/** kube-proxy prints a host without its length, a network with it. */
function network(cidr: string): string {
  const host = cidr.includes(':') ? '/128' : '/32';
  return cidr.endsWith(host) ? cidr.slice(0, -host.length) : cidr;
}

/** Go's `%#08x`: eight digits after the `0x`. */
function hex(number: number): string {
  return `0x${number.toString(16).padStart(8, '0')}`;
}

const bare = /^[^\s"'\\]+$/;

/** A word as iptables-restore reads it: it splits at spaces, and inside double quotes a backslash takes the next character as it is. */
export function quote(text: string): string {
  return bare.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
