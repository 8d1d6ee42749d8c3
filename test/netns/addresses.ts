import type { Family } from '../../src/model/address.ts';

/** One address per family. */
export type AddressPair = Readonly<Record<Family, string>>;

/** The two nodes; the first is the one under test and routes everything. */
export type NodeName = 'node-a' | 'node-b';

const nodes: Readonly<Record<NodeName, AddressPair>> = {
  'node-a': { IPv4: '192.168.50.11', IPv6: 'fd00:50::11' },
  'node-b': { IPv4: '192.168.50.12', IPv6: 'fd00:50::12' },
};

const podPrefixes: Readonly<Record<NodeName, AddressPair>> = {
  'node-a': { IPv4: '10.244.1.', IPv6: 'fd00:10:244:1::' },
  'node-b': { IPv4: '10.244.2.', IPv6: 'fd00:10:244:2::' },
};

export function nodeAddress(name: NodeName, family: Family): string {
  return nodes[name][family];
}

/** The network that a node gives its pods addresses from. */
export function podNetwork(name: NodeName, family: Family): string {
  return family === 'IPv4' ? `${podPrefixes[name].IPv4}0/24` : `${podPrefixes[name].IPv6}/64`;
}

/** All pods of the cluster: what `clusterCIDR` would be. */
export const clusterNetwork: AddressPair = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/48' };

/** The address of a node's pod by its index: the first pod of node-a is 10.244.1.11 and fd00:10:244:1::11. */
export function podAddresses(node: NodeName, index: number): AddressPair {
  const prefix = podPrefixes[node];
  return { IPv4: `${prefix.IPv4}${11 + index}`, IPv6: `${prefix.IPv6}${11 + index}` };
}

/** node-a's own address on the links to its pods. */
export const podGateway: AddressPair = { IPv4: '10.244.1.1', IPv6: 'fd00:10:244:1::1' };

/** Where every other namespace sends what it does not know. */
export const fabricAddress: AddressPair = { IPv4: '192.168.50.1', IPv6: 'fd00:50::1' };

/** The client owns the whole network and may dial from any address of it; unasked it uses `clientAddress`. */
export const clientNetwork: AddressPair = { IPv4: '203.0.113.0/24', IPv6: '2001:db8:113::/64' };

export const clientAddress: AddressPair = { IPv4: '203.0.113.10', IPv6: '2001:db8:113::10' };

/** The client's address with this number, 1 to 254; 10 is {@link clientAddress}. */
export function clientAddressNumber(number: number, family: Family): string {
  return family === 'IPv4' ? `203.0.113.${number}` : `2001:db8:113::${number}`;
}

/**
 * Addresses for Services by number, 1 to 254. Nobody owns one: packets to any address that is not in this file reach node-a, and
 * what node-a sends on unchanged is dropped by the fabric and recorded.
 */
export function clusterIP(number: number, family: Family): string {
  return family === 'IPv4' ? `172.30.0.${number}` : `fd00:172:30::${number}`;
}

/** Addresses for load balancers by number, 1 to 254. */
export function loadBalancerIP(number: number, family: Family): string {
  return family === 'IPv4' ? `198.51.100.${number}` : `2001:db8:100::${number}`;
}

/** Addresses for `externalIPs` by number, 1 to 254. */
export function externalIP(number: number, family: Family): string {
  return family === 'IPv4' ? `192.0.2.${number}` : `2001:db8:192::${number}`;
}
