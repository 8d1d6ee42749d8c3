import type { DocumentKind, KubeProxyConfiguration, NodeplaneConfiguration } from './schema.ts';

/** Dotted paths of all fields; lists and free-form maps count as one field. */
type PathOf<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? string extends keyof NonNullable<T[K]>
        ? K
        : `${K}.${PathOf<NonNullable<T[K]>>}`
      : K;
}[keyof T & string];

/**
 * `used`: decides what nodeplane does. `later`: read and checked, no effect yet. `never`: read and checked, belongs to a mode or an
 * operating system that nodeplane does not serve.
 */
export type Effect = 'used' | 'later' | 'never';

/** What the documentation says about one field. */
export interface FieldNote {
  readonly effect: Effect;
  /** The value that an absent, null or empty field stands for. */
  readonly default: string;
  /** Values that are allowed, and what they do. */
  readonly meaning: string;
}

type Notes<T> = Readonly<Record<PathOf<Omit<T, 'apiVersion' | 'kind'>>, FieldNote>>;

const kubeProxy: Notes<KubeProxyConfiguration> = {
  mode: used('`iptables`', '`iptables`; `nftables` and `ipvs` are refused'),
  'iptables.masqueradeBit': used('14', '0 to 31: the bit of the packet mark that asks for masquerading'),
  'iptables.masqueradeAll': used('false', 'masquerade everything that is sent to a ClusterIP'),
  'iptables.localhostNodePorts': used('true', 'NodePorts answer on 127.0.0.1 as well (IPv4 only)'),
  'iptables.syncPeriod': used('30s', 'positive duration: how often the kernel is compared without a change'),
  'iptables.minSyncPeriod': used(
    '1s',
    'duration up to `syncPeriod`: least time between two syncs; `0s` means unset',
  ),
  detectLocalMode: used(
    '`ClusterCIDR`',
    'how local pods are told from other senders: `ClusterCIDR`, `NodeCIDR`, `BridgeInterface`, `InterfaceNamePrefix`',
  ),
  'detectLocal.bridgeInterface': used('', 'the bridge, with mode `BridgeInterface`'),
  'detectLocal.interfaceNamePrefix': used('', 'the prefix, with mode `InterfaceNamePrefix`'),
  clusterCIDR: used(
    '',
    'network of the pods, or an IPv4 and an IPv6 one with a comma; empty: local pods are not told',
  ),
  nodePortAddresses: used('all', 'networks whose addresses of the node accept NodePorts, or only `primary`'),
  bindAddress: used(
    '0.0.0.0',
    'a single address replaces the Node object’s as the node’s own; nothing is bound',
  ),
  hostnameOverride: used('', 'name of the Node; `--node` goes before it'),
  'nftables.masqueradeBit': later('14', 'as for iptables'),
  'nftables.masqueradeAll': later('false', 'as for iptables'),
  'nftables.syncPeriod': later('30s', 'as for iptables'),
  'nftables.minSyncPeriod': later('1s', 'as for iptables'),
  'conntrack.maxPerCore': later('32768', 'not negative'),
  'conntrack.min': later('131072', 'not negative'),
  'conntrack.tcpEstablishedTimeout': later('24h0m0s', 'duration, not negative'),
  'conntrack.tcpCloseWaitTimeout': later('1h0m0s', 'duration, not negative'),
  'conntrack.tcpBeLiberal': later('false', ''),
  'conntrack.udpTimeout': later('0s', 'duration, not negative'),
  'conntrack.udpStreamTimeout': later('0s', 'duration, not negative'),
  healthzBindAddress: later('0.0.0.0:10256', 'IP address, or IP:port'),
  metricsBindAddress: later('127.0.0.1:10249', 'IP address, or IP:port'),
  bindAddressHardFail: later('false', ''),
  enableProfiling: later('false', ''),
  showHiddenMetricsForVersion: later('', ''),
  oomScoreAdj: later('-999', '-1000 to 1000'),
  configSyncPeriod: later('15m0s', 'duration, not negative; `0s` means unset'),
  'clientConnection.kubeconfig': later('', ''),
  'clientConnection.acceptContentTypes': later('', ''),
  'clientConnection.contentType': later('', ''),
  'clientConnection.qps': later('5', ''),
  'clientConnection.burst': later('10', ''),
  featureGates: later('', 'names of Kubernetes feature gates, each true or false'),
  'logging.format': later('text', ''),
  'logging.flushFrequency': later('5s', 'duration, or a number of nanoseconds'),
  'logging.verbosity': later('0', ''),
  'logging.vmodule': later('', ''),
  'logging.options.text.splitStream': later('false', ''),
  'logging.options.text.infoBufferSize': later('0', ''),
  'logging.options.json.splitStream': later('false', ''),
  'logging.options.json.infoBufferSize': later('0', ''),
  'ipvs.syncPeriod': never('IPVS'),
  'ipvs.minSyncPeriod': never('IPVS'),
  'ipvs.scheduler': never('IPVS'),
  'ipvs.excludeCIDRs': never('IPVS'),
  'ipvs.strictARP': never('IPVS'),
  'ipvs.tcpTimeout': never('IPVS'),
  'ipvs.tcpFinTimeout': never('IPVS'),
  'ipvs.udpTimeout': never('IPVS'),
  'winkernel.networkName': never('Windows'),
  'winkernel.sourceVip': never('Windows'),
  'winkernel.enableDSR': never('Windows'),
  'winkernel.rootHnsEndpointName': never('Windows'),
  'winkernel.forwardHealthCheckVip': never('Windows'),
  portRange: never('kube-proxy ignores it too'),
  windowsRunAsService: never('Windows'),
};

const nodeplane: Notes<NodeplaneConfiguration> = {
  'iptables.variant': used('`auto`', '`auto`, `legacy`, `nft`: which iptables programs write the rules'),
};

/** Every field of every document with its note. The compiler names a field of the schema that is missing here. */
export const fieldNotes: Readonly<Record<DocumentKind, Readonly<Record<string, FieldNote>>>> = {
  KubeProxyConfiguration: kubeProxy,
  NodeplaneConfiguration: nodeplane,
};

function used(byDefault: string, meaning: string): FieldNote {
  return { effect: 'used', default: byDefault, meaning };
}

function later(byDefault: string, meaning: string): FieldNote {
  return { effect: 'later', default: byDefault, meaning };
}

function never(meaning: string): FieldNote {
  return { effect: 'never', default: '', meaning };
}
