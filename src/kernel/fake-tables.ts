import { builtinChains, type Match, type Rule, type TableName } from '../rules/iptables/objects.ts';

/** A table as the fake kernel holds it. */
export interface FakeTable {
  readonly name: TableName;
  readonly chains: Map<string, FakeChain>;
  /** How many rules jump to a chain. */
  readonly references: Map<string, number>;
}

export interface FakeChain {
  readonly rules: Rule[];
  /** Undefined for a user-defined chain. */
  policy: 'ACCEPT' | 'DROP' | undefined;
}

/** A table with its built-in chains and no rules. */
export function emptyTable(name: TableName): FakeTable {
  const chains = builtinChains[name].map((chain): [string, FakeChain] => [
    chain,
    { rules: [], policy: 'ACCEPT' },
  ]);
  return { name, chains: new Map(chains), references: new Map() };
}

/** The chain that a rule leads to, if it leads to one. */
export function destinationOf({ target }: Rule): string | undefined {
  return target.kind === 'jump' || target.kind === 'goto' ? target.chain : undefined;
}

/** A rule as the kernel keeps it: of a comment 255 characters, of the name of a list 199; no program says so. */
export function keptRule(rule: Rule): Rule {
  return rule.matches.some(isTooLong) ? { ...rule, matches: rule.matches.map(cutShort) } : rule;
}

const commentLength = 255;
const listLength = 199;

function isTooLong(match: Match): boolean {
  if (match.kind === 'comment') return match.text.length > commentLength;
  return 'list' in match && match.list.length > listLength;
}

function cutShort(match: Match): Match {
  if (match.kind === 'comment') return { ...match, text: match.text.slice(0, commentLength) };
  return 'list' in match ? { ...match, list: match.list.slice(0, listLength) } : match;
}
