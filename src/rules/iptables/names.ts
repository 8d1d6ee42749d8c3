import { hash as digestOf } from 'node:crypto';
import { addressPort } from '../../model/address.ts';
import type { NodeRoute, Route, RouteEndpoint } from '../../routing/route.ts';

/** Of kubelet, which puts the same rule there as every service proxy of the node does; never deleted. */
export const firewall = 'KUBE-FIREWALL';

/** The kernel keeps 29 bytes for a chain's name, the last of them zero. */
export const longestChainName = 28;

/**
 * `SVC` the cluster endpoints of a Service port, `SVL` the local ones, `EXT` the external entry, `FW` the source ranges of a load
 * balancer.
 */
export type ServiceChainKind = 'SVC' | 'SVL' | 'EXT' | 'FW';

/** What a chain's name is made from. */
export type Named = Pick<Route, 'name' | 'protocol'>;

/** How the chains of one proxy are called. A proxy looks at no chain of another prefix, so that two can work on one node. */
export class ChainNames {
  /** Chains that exist once per table. */
  readonly services: string;
  readonly externalServices: string;
  readonly nodePorts: string;
  readonly postrouting: string;
  readonly markMasquerade: string;
  readonly forward: string;
  readonly proxyFirewall: string;
  readonly canary: string;
  /** What the names of chains of Services begin with; `SEP` those of single endpoints. */
  readonly of: Readonly<Record<ServiceChainKind | 'SEP', string>>;
  /** What all names begin with. */
  readonly prefix: string;
  readonly #once: ReadonlySet<string>;
  readonly #ofServices: readonly string[];

  constructor(prefix: string) {
    this.prefix = `${prefix}-`;
    this.services = `${prefix}-SERVICES`;
    this.externalServices = `${prefix}-EXTERNAL-SERVICES`;
    this.nodePorts = `${prefix}-NODEPORTS`;
    this.postrouting = `${prefix}-POSTROUTING`;
    this.markMasquerade = `${prefix}-MARK-MASQ`;
    this.forward = `${prefix}-FORWARD`;
    this.proxyFirewall = `${prefix}-PROXY-FIREWALL`;
    this.canary = `${prefix}-PROXY-CANARY`;
    this.of = {
      SVC: `${prefix}-SVC-`,
      SVL: `${prefix}-SVL-`,
      EXT: `${prefix}-EXT-`,
      FW: `${prefix}-FW-`,
      SEP: `${prefix}-SEP-`,
    };
    this.#once = new Set([
      this.services,
      this.externalServices,
      this.nodePorts,
      this.postrouting,
      this.markMasquerade,
      this.forward,
      this.proxyFirewall,
      this.canary,
    ]);
    this.#ofServices = Object.values(this.of);
  }

  /** Name of a chain of one Service port: prefix and hash of ServicePortName and protocol, as kube-proxy makes it. */
  serviceChain(kind: ServiceChainKind, route: Named): string {
    return hashed(this.of[kind], identity(route));
  }

  /** Name of the chain of one endpoint of a Service port. */
  endpointChain(route: Named, { address, port }: RouteEndpoint): string {
    return hashed(this.of.SEP, identity(route) + addressPort(address, port));
  }

  /**
   * Name of a chain inside an endpoint tree. It begins as that of the tree's root, so that kube-proxy, should it come back,
   * finds and removes the chain like its own stale ones.
   */
  endpointTreeChain(kind: 'SVC' | 'SVL', route: Named, position: string): string {
    return position === ''
      ? this.serviceChain(kind, route)
      : hashed(this.of[kind], `${identity(route)} ${kind} ${position}`);
  }

  /** Name of a chain inside a dispatch tree; its beginning is one that kube-proxy cleans up, see {@link endpointTreeChain}. */
  dispatchTreeChain(root: string, tree: string, position: string): string {
    return position === '' ? root : hashed(this.of.SVC, `${root} ${tree} ${position}`);
  }

  /** Whether the chain belongs to Services (and to nobody else), by its name. */
  isServiceChain(name: string): boolean {
    return this.#ofServices.some((start) => name.startsWith(start));
  }

  /** Whether the chain is the proxy's own, which may delete it. */
  isOwn(name: string): boolean {
    return name.startsWith(this.prefix) && (this.#once.has(name) || this.isServiceChain(name));
  }
}

/** kube-proxy's names. Who takes its place takes its chains. */
export const kubeProxyNames = new ChainNames('KUBE');

/** Where kube-proxy works as well: it removes chains with its own prefix that it does not know. As long, for the kernel's sake. */
export const besideNames = new ChainNames('NPLN');

/** How the chains of this node are called. */
export function chainNames(node: Pick<NodeRoute, 'besideKubeProxy'>): ChainNames {
  return node.besideKubeProxy ? besideNames : kubeProxyNames;
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
