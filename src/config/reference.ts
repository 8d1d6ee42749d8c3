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
 * `used`: decides what nodeplane does. `refused`: a value that asks for something is an error. `none`: read and checked, and without
 * effect here; the note says why.
 */
export type Effect = 'used' | 'refused' | 'none';

/** What the documentation says about one field. */
export interface FieldNote {
  readonly effect: Effect;
  /** The value that an absent, null or empty field stands for. */
  readonly default: string;
  /** Values that are allowed, and what they do. */
  readonly meaning: string;
}

type Notes<T> = Readonly<Record<PathOf<Omit<T, 'apiVersion' | 'kind'>>, FieldNote>>;

const userspace = 'belongs to mode userspace, which kube-proxy has dropped';
const windows = 'belongs to Windows';
const nftables = 'belongs to mode nftables, which is not there yet';
const ipvs = 'belongs to mode ipvs, which Kubernetes has deprecated';

const kubeProxy: Notes<KubeProxyConfiguration> = {
  mode: used(
    '`iptables`',
    '`iptables`; `nftables` is refused because it is not there yet, `ipvs` because Kubernetes has deprecated it',
  ),
  'iptables.masqueradeBit': used('14', '0 to 31: the bit of the packet mark that asks for masquerading'),
  'iptables.masqueradeAll': used('false', 'masquerade everything that is sent to a ClusterIP'),
  'iptables.localhostNodePorts': used('true', 'NodePorts answer on 127.0.0.1 as well (IPv4 only)'),
  'iptables.syncPeriod': used('30s', 'positive duration: how often the kernel is compared without a change'),
  'iptables.minSyncPeriod': used(
    '',
    'duration up to `syncPeriod`: least time between two syncs; `0s` means unset: as long as the last sync took, within bounds',
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
  'conntrack.maxPerCore': used('32768', 'entries of connection tracking for each core; 0 leaves the limit'),
  'conntrack.min': used('131072', 'at least so many entries, unless `maxPerCore` is 0'),
  'conntrack.tcpEstablishedTimeout': used('24h0m0s', 'duration, whole seconds; `0s` leaves it'),
  'conntrack.tcpCloseWaitTimeout': used('1h0m0s', 'duration, whole seconds; `0s` leaves it'),
  'conntrack.tcpBeLiberal': used('false', 'packets outside the window of a TCP connection count as valid'),
  'conntrack.udpTimeout': used('0s', 'duration, whole seconds; `0s` leaves it'),
  'conntrack.udpStreamTimeout': used('0s', 'duration, whole seconds; `0s` leaves it'),
  healthzBindAddress: used(
    '0.0.0.0:10256',
    'IP address, or IP:port, of `/healthz` and `/livez`; `[::]:10256` when `bindAddress` is IPv6',
  ),
  metricsBindAddress: used(
    '127.0.0.1:10249',
    'IP address, or IP:port, of `/metrics`, `/proxyMode` and `/configz`; `[::1]:10249` when `bindAddress` is IPv6',
  ),
  bindAddressHardFail: used('false', 'end when an address above is taken, instead of trying again'),
  enableProfiling: used('false', 'the debugging door answers on addresses other than loopback too'),
  oomScoreAdj: used('-999', '-1000 to 1000, for the kernel’s choice of whom to kill when memory is short'),
  'clientConnection.kubeconfig': used(
    '',
    'kubeconfig by which the API server is found; empty: in-cluster, else `$KUBECONFIG`',
  ),
  featureGates: used(
    '',
    'gates of Kubernetes, each true or false. One that asks for what nodeplane does anyway is silent; all others are told to have no effect',
  ),
  'logging.format': used('', '`text`: lines for people; `json`; empty: lines on a terminal, else JSON'),
  'logging.verbosity': used(
    '0',
    '0: as the verb has it; 1 to 3: `info`; 4 and 5: `debug`; from 6 on: `trace`; `--log-level` goes before it',
  ),
  'winkernel.networkName': refused(windows),
  'winkernel.sourceVip': refused(windows),
  'winkernel.enableDSR': refused(windows),
  'winkernel.rootHnsEndpointName': refused(windows),
  'winkernel.forwardHealthCheckVip': refused(windows),
  windowsRunAsService: refused(windows),
  'nftables.masqueradeBit': none('14', nftables),
  'nftables.masqueradeAll': none('false', nftables),
  'nftables.syncPeriod': none('30s', nftables),
  'nftables.minSyncPeriod': none('1s', nftables),
  'ipvs.syncPeriod': none('30s', ipvs),
  'ipvs.minSyncPeriod': none('0s', ipvs),
  'ipvs.scheduler': none('', ipvs),
  'ipvs.excludeCIDRs': none('', ipvs),
  'ipvs.strictARP': none('false', ipvs),
  'ipvs.tcpTimeout': none('0s', ipvs),
  'ipvs.tcpFinTimeout': none('0s', ipvs),
  'ipvs.udpTimeout': none('0s', ipvs),
  'clientConnection.acceptContentTypes': none('', 'nodeplane speaks JSON with the API server'),
  'clientConnection.contentType': none(
    '`application/vnd.kubernetes.protobuf`',
    'nodeplane speaks JSON with the API server',
  ),
  'clientConnection.qps': none('5', 'a handful of watches and some Events need no limit; retries back off'),
  'clientConnection.burst': none('10', 'as `qps`'),
  configSyncPeriod: none(
    '15m0s',
    'positive duration; nothing that was heard is forgotten, so nothing is replayed',
  ),
  showHiddenMetricsForVersion: none('', 'such as `1.35`; no metric of nodeplane is hidden'),
  'logging.flushFrequency': none('5s', 'duration, or nanoseconds; no entry is held back'),
  'logging.vmodule': none('', 'names files of kube-proxy’s source'),
  'logging.options.text.splitStream': none('false', 'the log goes to standard error'),
  'logging.options.text.infoBufferSize': none('0', 'no entry is held back'),
  'logging.options.json.splitStream': none('false', 'the log goes to standard error'),
  'logging.options.json.infoBufferSize': none('0', 'no entry is held back'),
  portRange: none('', 'kube-proxy ignores it too'),
  udpIdleTimeout: none('250ms', userspace),
  resourceContainer: none('`/kube-proxy`', 'kube-proxy has dropped it'),
  'conntrack.max': none('0', 'kube-proxy has dropped it for `maxPerCore`'),
};

const nodeplane: Notes<NodeplaneConfiguration> = {
  'iptables.variant': used('`auto`', '`auto`, `legacy`, `nft`: which iptables programs write the rules'),
  kubeProxy: used(
    '`refuse`',
    'while kube-proxy, or another nodeplane, works on this node: `refuse` ends with an error, `wait` waits until it is gone, `ignore` goes on; nothing is changed before',
  ),
  apiServer: used(
    '',
    '`https://host:port`, in place of the server that the kubeconfig or the pod’s environment names',
  ),
  serviceProxyName: used(
    '',
    'serve only Services whose label `service.kubernetes.io/service-proxy-name` has this value, beside kube-proxy, under chain names of our own, and `conntrack` is left alone unless it is set; empty: those without the label, in its place',
  ),
  'serving.healthz': used('true', 'false: nothing listens on `healthzBindAddress`'),
  'serving.metrics': used('true', 'false: nothing listens on `metricsBindAddress`'),
  events: used('true', 'Kubernetes Events are written about Services and this Node'),
};

/** Every field of every document with its note. The compiler names a field of the schema that is missing here. */
export const fieldNotes: Readonly<Record<DocumentKind, Readonly<Record<string, FieldNote>>>> = {
  KubeProxyConfiguration: kubeProxy,
  NodeplaneConfiguration: nodeplane,
};

function used(byDefault: string, meaning: string): FieldNote {
  return { effect: 'used', default: byDefault, meaning };
}

function refused(why: string): FieldNote {
  return { effect: 'refused', default: '', meaning: why };
}

function none(byDefault: string, why: string): FieldNote {
  return { effect: 'none', default: byDefault, meaning: why };
}
