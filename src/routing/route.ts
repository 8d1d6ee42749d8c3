import type { Family } from '../model/address.ts';
import type { ImmutableMap } from '../model/immutable-map.ts';
import type { Protocol } from '../model/service.ts';

/** An endpoint that may serve on this node. */
export interface RouteEndpoint {
  readonly address: string;
  readonly port: number;
}

/** Which of the two endpoint sets of a Route a packet is balanced over. */
export type EndpointSet = 'cluster' | 'local';

/** Who sent the packet. `local-pods`: as the node's detector tells; `node`: the source is an address of this node. */
export type PacketSource = 'local-pods' | 'not-local-pods' | 'node' | 'any';

/** What becomes of a packet that reached a virtual address. `reject` answers with an ICMP error, `drop` says nothing. */
export type Action =
  | { readonly kind: 'balance'; readonly over: EndpointSet; readonly masquerade: boolean }
  | { readonly kind: 'reject' }
  | { readonly kind: 'drop' };

/** One row of a {@link Treatment}. */
export interface Clause {
  readonly source: PacketSource;
  readonly action: Action;
}

/**
 * How a virtual address treats a packet: the first clause whose source fits decides. The last clause is always `any`.
 * A packet that an endpoint sends to itself is masqueraded besides, whatever the clause says.
 */
export type Treatment = readonly Clause[];

/** An address outside the cluster at which the node accepts the Service port: an external IP or a load balancer's VIP. */
export interface ExternalAddress {
  readonly kind: 'external-ip' | 'load-balancer';
  readonly address: string;
  /** Networks that may send; empty: everybody. Only a load balancer's address has any. */
  readonly sourceRanges: readonly string[];
  /** Single addresses that may send besides, because a source range holds the node's own address. */
  readonly sourceAddresses: readonly string[];
}

/**
 * What this node does for one Service port in one family: everything a dialect needs, decided once, without rule text or
 * chain names. Equal input gives an equal Route.
 */
export interface Route {
  /** `ns/svc:port/tcp`, the key of the ServicePort. */
  readonly key: string;
  /** ServicePortName: `ns/svc:port`. */
  readonly name: string;
  readonly family: Family;
  readonly protocol: Protocol;
  /** The Service's port, at which every virtual address listens. */
  readonly port: number;
  /** Endpoints of each set, sorted by `address:port` as text. A set that no treatment uses is empty. */
  readonly endpoints: Readonly<Record<EndpointSet, readonly RouteEndpoint[]>>;
  readonly clusterIPs: readonly string[];
  /** For packets to a ClusterIP. */
  readonly internal: Treatment;
  readonly externalAddresses: readonly ExternalAddress[];
  /** 0: none. */
  readonly nodePort: number;
  /** For packets to an external address or to the NodePort. */
  readonly external: Treatment;
  /** Seconds for which a client stays with its endpoint after its last new connection; undefined: no affinity. */
  readonly affinitySeconds: number | undefined;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

/** How this node tells that a packet comes from one of its own pods. */
export type LocalPods =
  | { readonly kind: 'source-network'; readonly cidr: string }
  | { readonly kind: 'interface'; readonly name: string }
  | { readonly kind: 'interface-prefix'; readonly prefix: string };

/** What holds for the whole node in one family, beside its Routes. */
export interface NodeRoute {
  readonly family: Family;
  /** Undefined: this node cannot tell; ClusterIP traffic is then not masqueraded by source. */
  readonly localPods: LocalPods | undefined;
  /** Bit that marks packets for masquerading: a power of two, 1 to 2^31. */
  readonly masqueradeMark: number;
  readonly nodePorts: NodePortAddresses;
  /** kube-proxy works on this node too, for other Services: a dialect must use names of its own. */
  readonly besideKubeProxy: boolean;
  /** Drop packets that connection tracking calls INVALID (kubernetes/kubernetes#74840). */
  readonly dropInvalid: boolean;
}

export interface NodePortAddresses {
  /** `any-local`: every address of the node; else exactly these. */
  readonly addresses: 'any-local' | readonly string[];
  /** NodePorts answer on 127.0.0.1 as well; needs `route_localnet`. Always false for IPv6. */
  readonly onLoopback: boolean;
}

/** All that one family of this node needs. */
export interface FamilyRoutes {
  readonly node: NodeRoute;
  readonly routes: ImmutableMap<Route>;
}
