/** How the text behind a flag is read. `port` and `ignored` stand for no field. */
export type FlagForm =
  | 'text'
  | 'boolean'
  | 'number'
  | 'list'
  | 'gates'
  | 'port'
  | 'ignored'
  | 'ignored switch';

/** A flag of kube-proxy that `run` takes under the same name. */
export interface KubeProxyFlag {
  readonly flag: `--${string}`;
  readonly short?: `-${string}`;
  readonly form: FlagForm;
  /** The field of KubeProxyConfiguration that it stands for, as a dotted path. */
  readonly field?: string;
}

/**
 * kube-proxy's flags (Kubernetes 1.36, and klog's of before 1.26, which old DaemonSets still carry), except for those that nodeplane has
 * as its own: --config, --cluster-cidr, --kubeconfig, --master, --write-config-to, --cleanup, --init-only, --help.
 */
export const kubeProxyFlags: readonly KubeProxyFlag[] = [
  field('--proxy-mode', 'text', 'mode'),
  field('--hostname-override', 'text', 'hostnameOverride'),
  field('--bind-address', 'text', 'bindAddress'),
  field('--bind-address-hard-fail', 'boolean', 'bindAddressHardFail'),
  field('--healthz-bind-address', 'text', 'healthzBindAddress'),
  field('--metrics-bind-address', 'text', 'metricsBindAddress'),
  { flag: '--healthz-port', form: 'port' },
  { flag: '--metrics-port', form: 'port' },
  field('--profiling', 'boolean', 'enableProfiling'),
  field('--iptables-masquerade-bit', 'number', 'iptables.masqueradeBit'),
  field('--masquerade-all', 'boolean', 'iptables.masqueradeAll'),
  field('--iptables-localhost-nodeports', 'boolean', 'iptables.localhostNodePorts'),
  field('--iptables-sync-period', 'text', 'iptables.syncPeriod'),
  field('--iptables-min-sync-period', 'text', 'iptables.minSyncPeriod'),
  field('--detect-local-mode', 'text', 'detectLocalMode'),
  field('--pod-bridge-interface', 'text', 'detectLocal.bridgeInterface'),
  field('--pod-interface-name-prefix', 'text', 'detectLocal.interfaceNamePrefix'),
  field('--nodeport-addresses', 'list', 'nodePortAddresses'),
  field('--conntrack-max-per-core', 'number', 'conntrack.maxPerCore'),
  field('--conntrack-min', 'number', 'conntrack.min'),
  field('--conntrack-tcp-timeout-established', 'text', 'conntrack.tcpEstablishedTimeout'),
  field('--conntrack-tcp-timeout-close-wait', 'text', 'conntrack.tcpCloseWaitTimeout'),
  field('--conntrack-tcp-be-liberal', 'boolean', 'conntrack.tcpBeLiberal'),
  field('--conntrack-udp-timeout', 'text', 'conntrack.udpTimeout'),
  field('--conntrack-udp-timeout-stream', 'text', 'conntrack.udpStreamTimeout'),
  field('--oom-score-adj', 'number', 'oomScoreAdj'),
  field('--feature-gates', 'gates', 'featureGates'),
  field('--logging-format', 'text', 'logging.format'),
  { flag: '--v', short: '-v', form: 'number', field: 'logging.verbosity' },
  field('--config-sync-period', 'text', 'configSyncPeriod'),
  field('--kube-api-burst', 'number', 'clientConnection.burst'),
  field('--kube-api-content-type', 'text', 'clientConnection.contentType'),
  field('--kube-api-qps', 'number', 'clientConnection.qps'),
  field('--show-hidden-metrics-for-version', 'text', 'showHiddenMetricsForVersion'),
  field('--ipvs-exclude-cidrs', 'list', 'ipvs.excludeCIDRs'),
  field('--ipvs-min-sync-period', 'text', 'ipvs.minSyncPeriod'),
  field('--ipvs-scheduler', 'text', 'ipvs.scheduler'),
  field('--ipvs-strict-arp', 'boolean', 'ipvs.strictARP'),
  field('--ipvs-sync-period', 'text', 'ipvs.syncPeriod'),
  field('--ipvs-tcp-timeout', 'text', 'ipvs.tcpTimeout'),
  field('--ipvs-tcpfin-timeout', 'text', 'ipvs.tcpFinTimeout'),
  field('--ipvs-udp-timeout', 'text', 'ipvs.udpTimeout'),
  field('--log-flush-frequency', 'text', 'logging.flushFrequency'),
  field('--log-json-info-buffer-size', 'text', 'logging.options.json.infoBufferSize'),
  field('--log-json-split-stream', 'boolean', 'logging.options.json.splitStream'),
  field('--log-text-info-buffer-size', 'text', 'logging.options.text.infoBufferSize'),
  field('--log-text-split-stream', 'boolean', 'logging.options.text.splitStream'),
  ...ignored('--vmodule', '--boot-id-file', '--machine-id-file', '--log-backtrace-at', '--log-dir'),
  ...ignored('--log-file', '--log-file-max-size', '--stderrthreshold'),
  ...ignoredSwitches('--add-dir-header', '--alsologtostderr', '--logtostderr', '--one-output'),
  ...ignoredSwitches('--skip-headers', '--skip-log-headers'),
];

function field(flag: `--${string}`, form: FlagForm, path: string): KubeProxyFlag {
  return { flag, form, field: path };
}

function ignored(...flags: readonly `--${string}`[]): readonly KubeProxyFlag[] {
  return flags.map((flag) => ({ flag, form: 'ignored' }));
}

function ignoredSwitches(...flags: readonly `--${string}`[]): readonly KubeProxyFlag[] {
  return flags.map((flag) => ({ flag, form: 'ignored switch' }));
}

/** Whether it may stand without a value, as Go's boolean flags do. */
export function isSwitch({ form }: KubeProxyFlag): boolean {
  return form === 'boolean' || form === 'ignored switch';
}
