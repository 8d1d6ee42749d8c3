// Who has which address in the network of a whole cluster. Its pods are within `clusterNetwork` of the small worlds.
import type { Family } from '../../../src/model/address.ts';
import {
  type AddressPair,
  clientAddress,
  clientAddressNumber,
  clientNetwork,
  clusterNetwork,
  externalIP,
  loadBalancerIP,
} from '../../netns/addresses.ts';
import { type NodeName, nodeNames } from '../nodes.ts';

export { clientAddress, clientAddressNumber, clientNetwork, clusterNetwork, externalIP, loadBalancerIP };

/** On the local network of nodes, control plane and cloud, by the last part of the address. */
function local(number: number): AddressPair {
  return { IPv4: `192.168.60.${number}`, IPv6: `fd00:60::${number}` };
}

export const localPrefix: Readonly<Record<Family, number>> = { IPv4: 24, IPv6: 64 };

/** The router: default gateway of everybody but pods. */
export const fabricAddress = local(1);
export const controlPlaneAddress = local(10);
export const cloudAddress = local(20);

/** Of the link between fabric and cloud that is not the local network. */
export const uplink: Readonly<Record<'fabric' | 'cloud', AddressPair>> = {
  fabric: { IPv4: '192.168.61.1', IPv6: 'fd00:61::1' },
  cloud: { IPv4: '192.168.61.2', IPv6: 'fd00:61::2' },
};

/** 1 for node-1. */
function numberOf(node: NodeName): number {
  return nodeNames.indexOf(node) + 1;
}

/** node-1 has 192.168.60.11 and fd00:60::11. */
export function nodeAddresses(node: NodeName): AddressPair {
  return local(10 + numberOf(node));
}

/** `spec.podCIDRs` of a node: of node-1, 10.244.1.0/24 and fd00:10:244:1::/64. */
export function podNetwork(node: NodeName): AddressPair {
  const number = numberOf(node);
  return { IPv4: `10.244.${number}.0/24`, IPv6: `fd00:10:244:${number}::/64` };
}

/** Pod number 5, of 2 to 254, on node-1: 10.244.1.5 and fd00:10:244:1::5. */
export function podAddresses(node: NodeName, number: number): AddressPair {
  return { IPv4: `10.244.${numberOf(node)}.${number}`, IPv6: `fd00:10:244:${numberOf(node)}::${number}` };
}

/** The node's own address on the links to its pods. */
export function podGateway(node: NodeName): AddressPair {
  return podAddresses(node, 1);
}

/** Where load balancers get their addresses from; routed to the cloud. See {@link loadBalancerIP}. */
export const loadBalancerNetwork: AddressPair = { IPv4: '198.51.100.0/24', IPv6: '2001:db8:100::/64' };

/** For `externalIPs`; routed to the first node. See {@link externalIP}. */
export const externalNetwork: AddressPair = { IPv4: '192.0.2.0/24', IPv6: '2001:db8:192::/64' };
