import { contains, type Family, familyOf, parseCidr } from '../model/address.ts';
import { type Node, nodeAddress } from '../model/node.ts';
import type { LocalPods, NodePortAddresses, NodeRoute } from './route.ts';
import type { HostFacts, NodePortSelection, RoutingSettings } from './settings.ts';

const loopback: Readonly<Record<Family, string>> = { IPv4: '127.0.0.1', IPv6: '::1' };

/** What holds for the whole node in one family. `node` may be undefined: what depends on it then uses defaults. */
export function decideNode(
  family: Family,
  settings: RoutingSettings,
  host: HostFacts,
  node: Node | undefined,
): NodeRoute {
  return {
    family,
    localPods: localPods(family, settings, node),
    masqueradeMark: 2 ** settings.masqueradeBit,
    nodePorts: nodePortAddresses(family, settings, host, node),
    besideKubeProxy: settings.besideKubeProxy,
    dropInvalid: !host.conntrackTcpBeLiberal,
  };
}

/** The node's main address: the configured one, else the Node object's, else the loopback address, as kube-proxy has it. */
export function mainAddress(family: Family, settings: RoutingSettings, node: Node | undefined): string {
  const configured = settings.nodeAddresses.find((address) => familyOf(address) === family);
  return configured ?? nodeAddress(node, family) ?? loopback[family];
}

function localPods(family: Family, settings: RoutingSettings, node: Node | undefined): LocalPods | undefined {
  const { detectLocal } = settings;
  switch (detectLocal.mode) {
    case 'ClusterCIDR':
      return sourceNetwork(family, detectLocal.cidrs);
    case 'NodeCIDR':
      return sourceNetwork(family, node?.podCIDRs ?? []);
    case 'BridgeInterface':
      return { kind: 'interface', name: detectLocal.name };
    case 'InterfaceNamePrefix':
      return { kind: 'interface-prefix', prefix: detectLocal.prefix };
    case 'None':
      return undefined;
  }
}

function sourceNetwork(family: Family, cidrs: readonly string[]): LocalPods | undefined {
  const cidr = cidrs.find((text) => familyOf(text) === family);
  return cidr === undefined ? undefined : { kind: 'source-network', cidr };
}

/** NodePort addresses of the family: see KEP-3866 for `primary`; localhost works by route_localnet, so for IPv4 only. */
function nodePortAddresses(
  family: Family,
  settings: RoutingSettings,
  host: HostFacts,
  node: Node | undefined,
): NodePortAddresses {
  const networks = selectedNetworks(family, settings.nodePortAddresses, mainAddress(family, settings, node));
  const mayLoop = family === 'IPv4' && settings.localhostNodePorts;
  if (networks === 'any') return { addresses: 'any-local', onLoopback: mayLoop };
  const onLoopback = mayLoop && networks.some((cidr) => contains(cidr, loopback.IPv4));
  const addresses = host.addresses.filter(
    (address) => networks.some((cidr) => contains(cidr, address)) && (onLoopback || !isLoopback(address)),
  );
  return { addresses, onLoopback };
}

function selectedNetworks(family: Family, selection: NodePortSelection, primary: string) {
  if (selection.kind === 'all') return 'any';
  const texts =
    selection.kind === 'primary' ? [`${primary}/${family === 'IPv4' ? 32 : 128}`] : selection.cidrs;
  const networks = texts.map((text) => parseCidr(text)).filter((cidr) => cidr !== undefined);
  const ofFamily = networks.filter((cidr) => cidr.family === family);
  return ofFamily.length === 0 || ofFamily.some((cidr) => cidr.length === 0) ? 'any' : ofFamily;
}

function isLoopback(address: string): boolean {
  return address === loopback.IPv6 || address.startsWith('127.');
}
