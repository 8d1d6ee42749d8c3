import { contains, type Family, familyOf, parseCidr } from '../model/address.ts';
import type { Service } from '../model/service.ts';
import type { ExternalAddress } from './route.ts';

/**
 * External IPs and load balancer addresses of the family. Source ranges guard only the latter (NodePorts are deliberately not
 * filtered); a range of length 0 means no filter. When a range holds the node's own address, the load balancer's addresses may send
 * too: a packet from the node to an address bound on the node carries that address as its source.
 */
export function externalAddresses(
  service: Service,
  family: Family,
  nodeAddress: string | undefined,
): readonly ExternalAddress[] {
  const vips = ofFamily(service.loadBalancerIPs, family);
  const ranges = sourceRanges(service, family);
  const nodeMaySend = nodeAddress !== undefined && ranges.some((cidr) => contains(cidr, nodeAddress));
  return [
    ...ofFamily(service.externalIPs, family).map((address) => ({
      kind: 'external-ip' as const,
      address,
      sourceRanges: [],
      sourceAddresses: [],
    })),
    ...vips.map((address) => ({
      kind: 'load-balancer' as const,
      address,
      sourceRanges: ranges.map((cidr) => cidr.text),
      sourceAddresses: nodeMaySend ? vips : [],
    })),
  ];
}

/** Addresses of one family, each once, in the Service's order. */
export function ofFamily(addresses: readonly string[], family: Family): readonly string[] {
  return [...new Set(addresses)].filter((address) => familyOf(address) === family);
}

function sourceRanges(service: Service, family: Family) {
  const cidrs = service.loadBalancerSourceRanges
    .map((text) => parseCidr(text))
    .filter((cidr) => cidr !== undefined)
    .filter((cidr) => cidr.family === family);
  return cidrs.some((cidr) => cidr.length === 0) ? [] : cidrs;
}
