/** How local pods are told from other sources (`detectLocalMode` of KubeProxyConfiguration). */
export type DetectLocal =
  /** At most one network per family counts: the first. */
  | { readonly mode: 'ClusterCIDR'; readonly cidrs: readonly string[] }
  | { readonly mode: 'NodeCIDR' }
  | { readonly mode: 'BridgeInterface'; readonly name: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }
  | { readonly mode: 'None' };

/** Which addresses of the node accept NodePorts. */
export type NodePortSelection =
  | { readonly kind: 'all' }
  | { readonly kind: 'primary' }
  /** Canonical CIDRs; a family without one accepts everywhere, as does a family with a /0. */
  | { readonly kind: 'cidrs'; readonly cidrs: readonly string[] };

/** What an administrator chose that decides packets. */
export interface RoutingSettings {
  readonly masqueradeAll: boolean;
  /** Bit number 0 to 31. */
  readonly masqueradeBit: number;
  readonly detectLocal: DetectLocal;
  readonly nodePortAddresses: NodePortSelection;
  readonly localhostNodePorts: boolean;
  /** kube-proxy works on this node too, for other Services; our rules must not be taken for its. */
  readonly besideKubeProxy: boolean;
  /** Canonical addresses that override the Node object's (`bindAddress`); empty: no override. */
  readonly nodeAddresses: readonly string[];
}

/** What this machine is, as far as it decides packets; read by kernel/, an argument to everything pure. */
export interface HostFacts {
  /** Canonical addresses of all interfaces, both families, in stable order. */
  readonly addresses: readonly string[];
  /** `net.netfilter.nf_conntrack_tcp_be_liberal` is not 0. */
  readonly conntrackTcpBeLiberal: boolean;
}

export const defaultRoutingSettings: RoutingSettings = {
  masqueradeAll: false,
  masqueradeBit: 14,
  detectLocal: { mode: 'None' },
  nodePortAddresses: { kind: 'all' },
  localhostNodePorts: true,
  besideKubeProxy: false,
  nodeAddresses: [],
};
