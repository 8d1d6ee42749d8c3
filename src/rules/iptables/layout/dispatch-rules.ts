import { addressNumber, addressWidth } from '../../../model/address.ts';
import type { Protocol } from '../../../model/service.ts';
import type { ExternalAddress, NodeRoute, Route, Treatment } from '../../../routing/route.ts';
import type { Entry, RadixTree } from '../../radix.ts';
import type { IptablesFeatures } from '../features.ts';
import { comment, jump, nodeLocal, protocolOf, ruleOf, toNetwork, toPort, toServicePort } from '../match.ts';
import { type ChainNames, chainNames } from '../names.ts';
import type { Match, Rule, Target } from '../objects.ts';
import { guardedAddresses, isExternal } from './service-chains.ts';

/** The trees by which a packet finds its Service, see dispatch.ts. */
export type TreeName =
  | 'nat-services'
  | 'nat-node-ports'
  | 'filter-services'
  | 'filter-external'
  | 'filter-external-node-ports'
  | 'filter-firewall'
  | 'filter-health-checks';

/** One rule and its place in a dispatch tree. */
export interface DispatchEntry extends Pick<Entry<Route>, 'key' | 'id'> {
  readonly tree: TreeName;
  readonly rule: Rule;
}

/** Holds whose rule stands where. The rules, 1 kB each, are made when they are asked for: {@link ruleOfEntry}. */
export type DispatchTree = RadixTree<Route>;

/** The rule of an entry of a tree. */
export function ruleOfEntry(
  tree: TreeName,
  { key, id, value: route }: Entry<Route>,
  node: NodeRoute,
  features: IptablesFeatures,
): Rule {
  const all = dispatchEntries(route, node, features);
  const found = all.find((entry) => entry.tree === tree && entry.id === id && entry.key === key);
  if (found === undefined) throw new Error(`no rule of ${route.key} at ${key} in ${tree}`);
  return found.rule;
}

export const protocolDigits: Readonly<Record<Protocol, string>> = { TCP: '1', UDP: '2', SCTP: '3' };

/** All rules that lead to a Route's chains, or refuse its traffic. */
export function dispatchEntries(
  route: Route,
  node: NodeRoute,
  features: IptablesFeatures,
): readonly DispatchEntry[] {
  const names = chainNames(node);
  return [
    ...route.clusterIPs.map((address) => clusterIpEntry(route, names, address)),
    ...route.externalAddresses.flatMap((external) => externalEntries(route, names, external)),
    ...(route.nodePort === 0 ? [] : nodePortEntries(route, node, features)),
    ...(route.healthCheckNodePort === 0 ? [] : [healthCheckEntry(route)]),
  ];
}

function clusterIpEntry(route: Route, names: ChainNames, address: string): DispatchEntry {
  const [clause] = route.internal;
  if (clause?.action.kind === 'balance') {
    const target = jump(names.serviceChain(clause.action.over === 'cluster' ? 'SVC' : 'SVL', route));
    return addressEntry('nat-services', 0, route, address, `${route.name} cluster IP`, target);
  }
  const { words, target } = refusal(route.name, route.internal);
  return addressEntry('filter-services', 0, route, address, words, target);
}

function externalEntries(
  route: Route,
  names: ChainNames,
  external: ExternalAddress,
): readonly DispatchEntry[] {
  const { kind, address } = external;
  const guarded = guardedAddresses(route).includes(external);
  const words = `${route.name} ${kind === 'external-ip' ? 'external IP' : 'loadbalancer IP'}`;
  const rank = kind === 'external-ip' ? 2 : 1;
  const target = jump(names.serviceChain(guarded ? 'FW' : 'EXT', route));
  const no = refusal(route.name, route.external);
  const blocked = `${route.name} traffic not accepted by ${names.serviceChain('FW', route)}`;
  return [
    ...(isExternal(route) ? [addressEntry('nat-services', rank, route, address, words, target)] : []),
    ...(guarded ? [addressEntry('filter-firewall', rank, route, address, blocked, { kind: 'drop' })] : []),
    ...(refuses(route.external)
      ? [addressEntry('filter-external', rank, route, address, no.words, no.target)]
      : []),
  ];
}

function nodePortEntries(
  route: Route,
  node: NodeRoute,
  features: IptablesFeatures,
): readonly DispatchEntry[] {
  const port = [protocolOf(route), toPort(route.nodePort)];
  const name = comment(route.name);
  const target = jump(chainNames(node).serviceChain('EXT', route));
  const counted: Match[] = [
    name,
    protocolOf(route),
    toNetwork('127.0.0.0/8'),
    toPort(route.nodePort),
    { kind: 'nfacct', counter: 'localhost_nps_accepted_pkts' },
  ];
  const no = refusal(route.name, route.external);
  const refused = [comment(no.words), nodeLocal('destination'), ...port];
  const onLoopback = node.nodePorts.onLoopback && features.nfacct;
  return [
    ...(isExternal(route) && onLoopback
      ? [portEntry('nat-node-ports', 0, route, ruleOf(route, counted, target))]
      : []),
    ...(isExternal(route)
      ? [portEntry('nat-node-ports', 1, route, ruleOf(route, [name, ...port], target))]
      : []),
    ...(refuses(route.external)
      ? [portEntry('filter-external-node-ports', 0, route, ruleOf(route, refused, no.target))]
      : []),
  ];
}

function healthCheckEntry(route: Route): DispatchEntry {
  const matches: Match[] = [
    comment(`${route.name} health check node port`),
    { kind: 'protocol', protocol: 'tcp' },
    toPort(route.healthCheckNodePort),
  ];
  const key = portKey('TCP', route.healthCheckNodePort);
  const rule = ruleOf(route, matches, { kind: 'accept' });
  return { tree: 'filter-health-checks', key, id: route.key, rule };
}

function refuses(treatment: Treatment): boolean {
  return treatment.at(-1)?.action.kind !== 'balance';
}

/** How the filter table refuses what the last clause of a treatment refuses. */
function refusal(name: string, treatment: Treatment): { readonly words: string; readonly target: Target } {
  return treatment.at(-1)?.action.kind === 'drop'
    ? { words: `${name} has no local endpoints`, target: { kind: 'drop' } }
    : { words: `${name} has no endpoints`, target: { kind: 'reject' } };
}

/** `rank` orders rules for the same address: a ClusterIP wins over a load balancer's address, that over an external IP. */
function addressEntry(
  tree: TreeName,
  rank: number,
  route: Route,
  address: string,
  words: string,
  target: Target,
): DispatchEntry {
  const digits = addressNumber(address)
    .toString(16)
    .padStart(addressWidth(route.family) / 4, '0');
  const rule = ruleOf(route, [comment(words), ...toServicePort(route, address)], target);
  // Joined, not added up: V8 keeps a sum as a tree of its parts.
  const key = [digits, portKey(route.protocol, route.port)].join('');
  return { tree, key, id: [rank, route.key].join(' '), rule };
}

function portEntry(tree: TreeName, rank: number, route: Route, rule: Rule): DispatchEntry {
  return { tree, key: portKey(route.protocol, route.nodePort), id: `${route.key} ${rank}`, rule };
}

function portKey(protocol: Protocol, port: number): string {
  return protocolDigits[protocol] + port.toString(16).padStart(4, '0');
}
