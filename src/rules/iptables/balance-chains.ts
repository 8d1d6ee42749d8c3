import { createHash } from 'node:crypto';
import { addressPort } from '../../model/address.ts';
import type { EndpointSet, Route, RouteEndpoint } from '../../routing/route.ts';
import { childrenOf, countOf, emptyTree, insert, nodesOf, type Placed } from '../radix.ts';
import { comment, jump, ruleOf } from './match.ts';
import { endpointChain, endpointTreeChain } from './names.ts';
import type { Chain, Match, Rule } from './objects.ts';

/** Above this many endpoints the choice is a tree: 1,000 endpoints then cost a packet as much as 25. */
const longestChoice = 16;

const kinds = { cluster: 'SVC', local: 'SVL' } as const;

/**
 * Chains that choose among the endpoints of a set, the entry chain first: `head`, then affinity, then the choice.
 * Every endpoint is as likely as any other. Up to 16 endpoints this is kube-proxy's layout; more are split in two by
 * their hashes, so that one endpoint more or less rewrites one path of the tree.
 */
export function balanceChains(
  route: Route,
  set: EndpointSet,
  head: readonly Rule[],
  comments: boolean,
): readonly Chain[] {
  const endpoints = route.endpoints[set];
  const tree = endpoints
    .map((value) => ({ key: endpointKey(value), id: addressPort(value.address, value.port), value }))
    .reduce((grown, entry) => insert(grown, entry), emptyTree<RouteEndpoint>(longestChoice));
  const name = (position: string) => endpointTreeChain(kinds[set], route, position);
  return [...nodesOf({ position: '', node: tree.root })].map((placed) => ({
    table: 'nat',
    name: name(placed.position),
    rules: [
      ...(placed.position === '' ? [...head, ...affinityRules(route, endpoints, comments)] : []),
      ...choice(route, placed, name, comments),
    ],
  }));
}

/** Clients that were here within the timeout go where they went; all endpoints are asked before any is chosen. */
function affinityRules(
  route: Route,
  endpoints: readonly RouteEndpoint[],
  comments: boolean,
): readonly Rule[] {
  const seconds = route.affinitySeconds;
  if (seconds === undefined) return [];
  return endpoints.map((endpoint) => {
    const chain = endpointChain(route, endpoint);
    const matches: Match[] = [
      ...arrow(route, endpoint, comments),
      { kind: 'recent-check', list: chain, seconds },
    ];
    return ruleOf(route, matches, jump(chain));
  });
}

function choice(
  route: Route,
  { node }: Placed<RouteEndpoint>,
  name: (position: string) => string,
  comments: boolean,
): readonly Rule[] {
  if (node.kind === 'branch') {
    const children = childrenOf(node).map((child) => ({
      weight: countOf(child.node),
      chain: name(child.position),
    }));
    return split(children).map(({ matches, chain }) => ruleOf(route, matches, jump(chain)));
  }
  const endpoints = node.entries.map(({ value }) => value).sort(byText);
  const options = endpoints.map((endpoint) => ({
    weight: 1,
    chain: endpointChain(route, endpoint),
    endpoint,
  }));
  return split(options).map(({ matches, chain, endpoint }) =>
    ruleOf(route, [...arrow(route, endpoint, comments), ...matches], jump(chain)),
  );
}

/** Each option is taken with its weight's share of what is left, so the last one takes the rest without a condition. */
function split<T extends { readonly weight: number }>(
  options: readonly T[],
): readonly (T & { matches: readonly Match[] })[] {
  let left = options.reduce((sum, { weight }) => sum + weight, 0);
  return options.map((option, index) => {
    const share = option.weight / left;
    left -= option.weight;
    const last = index === options.length - 1;
    return {
      ...option,
      matches: last ? [] : [{ kind: 'statistic' as const, probability: share.toFixed(10) }],
    };
  });
}

function arrow(route: Route, { address, port }: RouteEndpoint, comments: boolean): readonly Match[] {
  return comments ? [comment(`${route.name} -> ${addressPort(address, port)}`)] : [];
}

/** 32 binary digits, evenly spread and independent of the other endpoints. */
function endpointKey({ address, port }: RouteEndpoint): string {
  const digest = createHash('sha256').update(addressPort(address, port)).digest();
  return digest.readUInt32BE(0).toString(2).padStart(32, '0');
}

function byText(a: RouteEndpoint, b: RouteEndpoint): number {
  return addressPort(a.address, a.port) < addressPort(b.address, b.port) ? -1 : 1;
}
