import { addressPort, hostCidr } from '../../../model/address.ts';
import type {
  Clause,
  EndpointSet,
  ExternalAddress,
  NodeRoute,
  Route,
  RouteEndpoint,
} from '../../../routing/route.ts';
import {
  comment,
  fromLocalPods,
  fromNetwork,
  jump,
  nodeLocal,
  protocolOf,
  ruleOf,
  toServicePort,
} from '../match.ts';
import { type ChainNames, chainNames } from '../names.ts';
import type { Chain, Match, Rule } from '../objects.ts';
import { balanceChains, type NamedEndpoint } from './balance-chains.ts';

const kinds = { cluster: 'SVC', local: 'SVL' } as const;

/** The chains of one Route in the nat table; what leads to them is in dispatch-rules.ts. */
export function serviceChains(route: Route, node: NodeRoute, comments: boolean): readonly Chain[] {
  const names = chainNames(node);
  const cluster = route.endpoints.cluster.map((endpoint) => named(route, names, endpoint));
  const local = route.endpoints.local.map((endpoint) => named(route, names, endpoint));
  const balance = (set: EndpointSet, endpoints: readonly NamedEndpoint[]) => {
    if (endpoints.length === 0) return [];
    const name = (position: string) => names.endpointTreeChain(kinds[set], route, position);
    return balanceChains(route, name, endpoints, masqueradeRules(route, node, set), comments);
  };
  return [
    ...balance('cluster', cluster),
    ...balance('local', local),
    ...(isExternal(route) ? [externalChain(route, node)] : []),
    ...(guardedAddresses(route).length > 0 ? [firewallChain(route, names)] : []),
    ...union(cluster, local).map((endpoint) => destinationChain(route, names, endpoint, comments)),
  ];
}

/** Something outside the ClusterIP leads to endpoints, so there is an `EXT` chain. */
export function isExternal(route: Route): boolean {
  const accessible = route.externalAddresses.length > 0 || route.nodePort !== 0;
  return accessible && route.external.some(({ action }) => action.kind === 'balance');
}

/** Load balancer addresses whose sources are checked in the `FW` chain; none while nothing could serve them. */
export function guardedAddresses(route: Route): readonly ExternalAddress[] {
  return isExternal(route)
    ? route.externalAddresses.filter(({ sourceRanges }) => sourceRanges.length > 0)
    : [];
}

/** Rules in front of a balancing chain that mark ClusterIP traffic for masquerading, as the internal treatment says. */
function masqueradeRules(route: Route, node: NodeRoute, set: EndpointSet): readonly Rule[] {
  const clause = route.internal.find(
    ({ action }) => action.kind === 'balance' && action.masquerade && action.over === set,
  );
  if (clause === undefined) return [];
  return route.clusterIPs.map((address) => {
    const matches = [
      comment(`${route.name} cluster IP`),
      ...toServicePort(route, address),
      ...sourceMatches(clause, node),
    ];
    return ruleOf(route, matches, jump(chainNames(node).markMasquerade));
  });
}

/** The entry for traffic from outside the ClusterIP: one group of rules for each clause of the external treatment. */
function externalChain(route: Route, node: NodeRoute): Chain {
  const rules = route.external.flatMap((clause) => clauseRules(route, node, clause));
  return { table: 'nat', name: chainNames(node).serviceChain('EXT', route), rules };
}

function clauseRules(route: Route, node: NodeRoute, clause: Clause): readonly Rule[] {
  const { source, action } = clause;
  // A refusal is not said here: the packet leaves the table as it came, and the filter table refuses it.
  if (action.kind !== 'balance') return [];
  const names = chainNames(node);
  const chain = names.serviceChain(kinds[action.over], route);
  const from = sourceMatches(clause, node);
  const words = (text: string): Match[] => [
    comment(`${text} for ${route.name} external destinations`),
    ...from,
  ];
  switch (source) {
    case 'node':
      return [
        ruleOf(route, words('masquerade LOCAL traffic'), jump(names.markMasquerade)),
        ruleOf(route, words('route LOCAL traffic'), jump(chain)),
      ];
    case 'local-pods':
    case 'not-local-pods':
      return [ruleOf(route, words('pod traffic'), jump(chain))];
    case 'any': {
      const masquerade = action.masquerade
        ? [ruleOf(route, words('masquerade traffic'), jump(names.markMasquerade))]
        : [];
      return [...masquerade, ruleOf(route, [], jump(chain))];
    }
  }
}

function sourceMatches({ source }: Clause, { localPods }: NodeRoute): readonly Match[] {
  if (source === 'node') return [nodeLocal('source')];
  if (source === 'any' || localPods === undefined) return [];
  return [fromLocalPods(localPods, source === 'not-local-pods')];
}

/** Allowed sources go on to the `EXT` chain; the rest falls through, un-NATed, to the `PROXY-FIREWALL` chain. */
function firewallChain(route: Route, names: ChainNames): Chain {
  const external = jump(names.serviceChain('EXT', route));
  const words = comment(`${route.name} loadbalancer IP`);
  const [guarded] = guardedAddresses(route);
  const sources = [...(guarded?.sourceRanges ?? []), ...(guarded?.sourceAddresses ?? []).map(hostCidr)];
  const rest = comment(`other traffic to ${route.name} will be dropped by ${names.proxyFirewall}`);
  return {
    table: 'nat',
    name: names.serviceChain('FW', route),
    rules: [
      ...sources.map((cidr) => ruleOf(route, [words, fromNetwork(cidr)], external)),
      ruleOf(route, [rest], { kind: 'none' }),
    ],
  };
}

function named(route: Route, names: ChainNames, endpoint: RouteEndpoint): NamedEndpoint {
  return {
    endpoint,
    text: addressPort(endpoint.address, endpoint.port),
    chain: names.endpointChain(route, endpoint),
  };
}

/** Endpoints of both sets, each once, sorted as text. */
function union(a: readonly NamedEndpoint[], b: readonly NamedEndpoint[]): readonly NamedEndpoint[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const byText = new Map([...a, ...b].map((endpoint) => [endpoint.text, endpoint]));
  return [...byText.values()].sort((x, y) => (x.text < y.text ? -1 : 1));
}

/** Sends a connection to one endpoint; one that the endpoint made itself is masqueraded, or its answer would not come back. */
function destinationChain(
  route: Route,
  { markMasquerade }: ChainNames,
  { endpoint, chain }: NamedEndpoint,
  comments: boolean,
): Chain {
  const words = comments ? [comment(route.name)] : [];
  const remember: Match[] = route.affinitySeconds === undefined ? [] : [{ kind: 'recent-set', list: chain }];
  return {
    table: 'nat',
    name: chain,
    rules: [
      ruleOf(route, [...words, fromNetwork(hostCidr(endpoint.address))], jump(markMasquerade)),
      ruleOf(route, [...words, ...remember, protocolOf(route)], { kind: 'dnat', ...endpoint }),
    ],
  };
}
