import { hash as digestOf } from 'node:crypto';
import { addressPort } from '../../model/address.ts';
import type { Route, RouteEndpoint } from '../../routing/route.ts';

/** kube-proxy's chains that exist once per table. */
export const services = 'KUBE-SERVICES';
export const externalServices = 'KUBE-EXTERNAL-SERVICES';
export const nodePorts = 'KUBE-NODEPORTS';
export const postrouting = 'KUBE-POSTROUTING';
export const markMasquerade = 'KUBE-MARK-MASQ';
export const forward = 'KUBE-FORWARD';
export const proxyFirewall = 'KUBE-PROXY-FIREWALL';
/** Shared with kubelet, which puts the same rule there; never deleted. */
export const firewall = 'KUBE-FIREWALL';
export const canary = 'KUBE-PROXY-CANARY';

/** The kernel keeps 29 bytes for a chain's name, the last of them zero. */
export const longestChainName = 28;

export type ServiceChainKind = 'SVC' | 'SVL' | 'EXT' | 'FW';

/** What a chain's name is made from. */
export type Named = Pick<Route, 'name' | 'protocol'>;

/**
 * Name of a chain of one Service port, kube-proxy's own: prefix and hash of ServicePortName and protocol. `SVC` the cluster
 * endpoints, `SVL` the local ones, `EXT` the external entry, `FW` the source ranges of a load balancer.
 */
export function serviceChain(kind: ServiceChainKind, route: Named): string {
  return hashed(`KUBE-${kind}-`, identity(route));
}

/** Name of the chain of one endpoint of a Service port. */
export function endpointChain(route: Named, { address, port }: RouteEndpoint): string {
  return hashed('KUBE-SEP-', identity(route) + addressPort(address, port));
}

/**
 * Name of a chain inside an endpoint tree. It has the prefix of the tree's root, so that kube-proxy, should it come back,
 * finds and removes the chain like its own stale ones.
 */
export function endpointTreeChain(kind: 'SVC' | 'SVL', route: Named, position: string): string {
  return position === ''
    ? serviceChain(kind, route)
    : hashed(`KUBE-${kind}-`, `${identity(route)} ${kind} ${position}`);
}

/** Name of a chain inside a dispatch tree; the prefix is one that kube-proxy cleans up, see {@link endpointTreeChain}. */
export function dispatchTreeChain(root: string, tree: string, position: string): string {
  return position === '' ? root : hashed('KUBE-SVC-', `${root} ${tree} ${position}`);
}

/** Prefixes of chains that belong to Services. */
const servicePrefixes: readonly string[] = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-EXT-', 'KUBE-FW-', 'KUBE-SEP-'];

/** Whether the chain belongs to Services (and to nobody else), by its name. */
export function isServiceChain(name: string): boolean {
  return servicePrefixes.some((prefix) => name.startsWith(prefix));
}

/** ServicePortName and lower-case protocol, without a separator: `ns1/svc1:p80tcp`. */
function identity(route: Named): string {
  return route.name + route.protocol.toLowerCase();
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The prefix and the first 16 characters of the base32 (RFC 4648) of the SHA-256 of a text: 80 bits. Made in one piece: text that is put
 * together from parts stays parts in memory, and 10,000 Services have 70,000 chains.
 */
function hashed(prefix: string, text: string): string {
  const digest = digestOf('sha256', text, 'buffer');
  const name = Buffer.allocUnsafe(prefix.length + 16);
  name.write(prefix, 'latin1');
  for (let at = 0; at < 16; at++) {
    const bit = at * 5;
    const word = digest.readUInt16BE(Math.min(bit >> 3, digest.length - 2));
    name[prefix.length + at] = alphabet.charCodeAt((word >> (11 - (bit & 7))) & 31);
  }
  return name.toString('latin1');
}
