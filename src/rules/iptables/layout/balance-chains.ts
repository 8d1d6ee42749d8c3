import { hash } from 'node:crypto';
import type { Route, RouteEndpoint } from '../../../routing/route.ts';
import { type Branch, childrenOf, countOf, type Leaf, nodesOf, type RadixNode, treeOf } from '../../radix.ts';
import { comment, jump, ruleOf } from '../match.ts';
import type { Chain, Match, Rule } from '../objects.ts';

/** Above this many endpoints the choice is a tree: among 1,000 a first packet then takes 10 µs, not 46 (docs/benchmarks.md). */
const longestChoice = 16;

/** An endpoint with the names that rules call it by. */
export interface NamedEndpoint {
  readonly endpoint: RouteEndpoint;
  /** `address:port`. */
  readonly text: string;
  /** Its `SEP` chain. */
  readonly chain: string;
}

/**
 * Chains that choose among the endpoints of a set, the entry chain first: `head`, then affinity, then the choice.
 * Every endpoint is as likely as any other. Up to 16 endpoints this is kube-proxy's layout; more are split in two by
 * their hashes, so that one endpoint more or less rewrites one path of the tree.
 * @param name that of the chain at a position of the tree; the entry chain's position is empty.
 * @param endpoints those of the set, sorted by their text.
 */
export function balanceChains(
  route: Route,
  name: (position: string) => string,
  endpoints: readonly NamedEndpoint[],
  head: readonly Rule[],
  comments: boolean,
): readonly Chain[] {
  const start = [...head, ...affinityRules(route, endpoints, comments)];
  return [...nodesOf({ position: '', node: choiceOf(endpoints) })].map(({ position, node }) => {
    const rules = node.kind === 'leaf' ? leafRules(route, node, comments) : branchRules(route, node, name);
    return { table: 'nat', name: name(position), rules: position === '' ? [...start, ...rules] : rules };
  });
}

function choiceOf(endpoints: readonly NamedEndpoint[]): RadixNode<NamedEndpoint> {
  if (endpoints.length <= longestChoice) {
    return { kind: 'leaf', entries: endpoints.map((value) => ({ key: '', id: value.text, value })) };
  }
  const entries = endpoints.map((value) => ({ key: endpointKey(value), id: value.text, value }));
  return treeOf(longestChoice, entries).root;
}

/** Clients that were here within the timeout go where they went; all endpoints are asked before any is chosen. */
function affinityRules(
  route: Route,
  endpoints: readonly NamedEndpoint[],
  comments: boolean,
): readonly Rule[] {
  const seconds = route.affinitySeconds;
  if (seconds === undefined) return [];
  return endpoints.map((endpoint) => {
    const { chain } = endpoint;
    const matches: Match[] = [
      ...arrow(route, endpoint, comments),
      { kind: 'recent-check', list: chain, seconds },
    ];
    return ruleOf(route, matches, jump(chain));
  });
}

function branchRules(
  route: Route,
  node: Branch<NamedEndpoint>,
  name: (position: string) => string,
): readonly Rule[] {
  const children = childrenOf(node).map((child) => ({
    weight: countOf(child.node),
    chain: name(child.position),
  }));
  return split(children).map(({ matches, option }) => ruleOf(route, matches, jump(option.chain)));
}

function leafRules(route: Route, { entries }: Leaf<NamedEndpoint>, comments: boolean): readonly Rule[] {
  const options = entries.map(({ value }) => ({ weight: 1, ...value }));
  return split(options.sort(byText)).map(({ matches, option }) =>
    ruleOf(route, [...arrow(route, option, comments), ...matches], jump(option.chain)),
  );
}

/** Each option is taken with its weight's share of what is left, so the last one takes the rest without a condition. */
function split<T extends { readonly weight: number }>(
  options: readonly T[],
): readonly { readonly option: T; readonly matches: readonly Match[] }[] {
  let left = options.reduce((sum, { weight }) => sum + weight, 0);
  return options.map((option, index) => {
    const share = option.weight / left;
    left -= option.weight;
    const last = index === options.length - 1;
    return { option, matches: last ? [] : [{ kind: 'statistic', probability: share.toFixed(10) }] };
  });
}

function arrow(route: Route, { text }: NamedEndpoint, comments: boolean): readonly Match[] {
  return comments ? [comment(`${route.name} -> ${text}`)] : [];
}

/** 32 binary digits, evenly spread and independent of the other endpoints. */
function endpointKey({ text }: NamedEndpoint): string {
  const digest = hash('sha256', text, 'buffer');
  return digest.readUInt32BE(0).toString(2).padStart(32, '0');
}

function byText(a: NamedEndpoint, b: NamedEndpoint): number {
  return a.text < b.text ? -1 : 1;
}
