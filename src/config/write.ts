import { randomBytes } from 'node:crypto';
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { NodeplaneError, printable, toError } from '../errors.ts';
import { addressPort } from '../model/address.ts';
import type { DetectLocal, NodePortSelection } from '../routing/settings.ts';
import type { Config, ListenAddress } from './defaults.ts';
import { formatDuration } from './duration.ts';
import { emptyDocuments } from './file.ts';

/**
 * The configuration as `/configz` shows it: by API group, as kube-proxy does, and our own beside it. Reading both documents gives
 * the same configuration.
 */
export function configz(config: Config): Readonly<Record<string, unknown>> {
  return { 'kubeproxy.config.k8s.io': kubeProxyDocument(config), 'nodeplane.dev': nodeplaneDocument(config) };
}

/** Both documents as the text of a configuration file. */
export function configurationText(config: Config): string {
  return Object.values(configz(config))
    .map((document) => stringify(document, { sortMapEntries: true }))
    .join('---\n');
}

/**
 * Writes both documents to the file, at once and as a whole; what is no regular file (`/dev/stdout`) is written to as it is.
 * @throws NodeplaneError `NP-CONFIG-004`.
 */
export async function writeConfiguration(file: string, config: Config): Promise<void> {
  const text = configurationText(config);
  try {
    const there = await stat(file).catch(() => undefined);
    if (there !== undefined && !there.isFile()) await writeFile(file, text);
    else await replace(there === undefined ? file : await realpath(file), text);
  } catch (thrown) {
    throw notWritten(file, toError(thrown));
  }
}

function notWritten(file: string, cause: Error): NodeplaneError {
  // `ENOENT: no such file or directory, open '…'`: the path is told already.
  const reason = cause.message.replace(/^(\w+: [^,]*),.*$/s, '$1');
  return new NodeplaneError('NP-CONFIG-004', { file: printable(file), reason }, cause);
}

async function replace(file: string, text: string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, file);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
}

/** Every field, as kube-proxy's own `--write-config-to` has them; those without effect are at their defaults. */
function kubeProxyDocument(config: Config): object {
  const { routing, sync, serving, client, logging } = config;
  const period = formatDuration(sync.syncPeriodMilliseconds);
  const [bridgeInterface, interfaceNamePrefix] = interfacesOf(routing.detectLocal);
  return {
    ...emptyDocuments.KubeProxyConfiguration,
    mode: config.mode,
    bindAddress: routing.nodeAddresses[0] ?? '0.0.0.0',
    bindAddressHardFail: serving.hardFail,
    healthzBindAddress: serving.healthz === undefined ? '' : listenText(serving.healthz),
    metricsBindAddress: serving.metrics === undefined ? '' : listenText(serving.metrics),
    enableProfiling: serving.profiling,
    showHiddenMetricsForVersion: '',
    hostnameOverride: config.nodeName,
    featureGates: {},
    clientConnection: {
      acceptContentTypes: '',
      burst: 10,
      contentType: 'application/vnd.kubernetes.protobuf',
      kubeconfig: client.kubeconfig ?? '',
      qps: 5,
    },
    configSyncPeriod: '15m0s',
    iptables: {
      masqueradeBit: routing.masqueradeBit,
      masqueradeAll: routing.masqueradeAll,
      localhostNodePorts: routing.localhostNodePorts,
      syncPeriod: period,
      minSyncPeriod: formatDuration(sync.minSyncPeriodMilliseconds ?? 0),
    },
    // Without a network this mode tells nobody apart.
    detectLocalMode: routing.detectLocal.mode === 'None' ? 'ClusterCIDR' : routing.detectLocal.mode,
    detectLocal: { bridgeInterface, interfaceNamePrefix },
    clusterCIDR: routing.detectLocal.mode === 'ClusterCIDR' ? routing.detectLocal.cidrs.join(',') : '',
    nodePortAddresses: nodePortsText(routing.nodePortAddresses),
    oomScoreAdj: config.oomScoreAdj ?? null,
    conntrack: conntrackFields(config),
    logging: {
      ...(logging.format === undefined ? {} : { format: logging.format }),
      flushFrequency: '5s',
      verbosity: logging.verbosity,
      options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
    },
    ...foreignFields,
  };
}

/** Fields of other modes and systems, as kube-proxy writes them out. */
const foreignFields = {
  nftables: { masqueradeAll: false, masqueradeBit: 14, minSyncPeriod: '0s', syncPeriod: '0s' },
  ipvs: {
    excludeCIDRs: null,
    minSyncPeriod: '0s',
    scheduler: '',
    strictARP: false,
    syncPeriod: '0s',
    tcpFinTimeout: '0s',
    tcpTimeout: '0s',
    udpTimeout: '0s',
  },
  winkernel: {
    enableDSR: false,
    forwardHealthCheckVip: false,
    networkName: '',
    rootHnsEndpointName: '',
    sourceVip: '',
  },
  portRange: '',
} as const;

function nodeplaneDocument({
  iptablesVariant,
  events,
  client,
  serving,
  kubeProxy,
  serviceProxyName,
}: Config): object {
  return {
    ...emptyDocuments.NodeplaneConfiguration,
    iptables: { variant: iptablesVariant },
    kubeProxy,
    events,
    apiServer: client.server ?? '',
    serviceProxyName: serviceProxyName ?? '',
    serving: { healthz: serving.healthz !== undefined, metrics: serving.metrics !== undefined },
  };
}

function conntrackFields({ conntrack }: Config): object {
  const duration = (seconds: number | undefined): string => formatDuration((seconds ?? 0) * 1000);
  return {
    maxPerCore: conntrack.maxPerCore,
    min: conntrack.min,
    tcpBeLiberal: conntrack.tcpBeLiberal,
    tcpCloseWaitTimeout: duration(conntrack.tcpCloseWaitTimeoutSeconds),
    tcpEstablishedTimeout: duration(conntrack.tcpEstablishedTimeoutSeconds),
    udpTimeout: duration(conntrack.udpTimeoutSeconds),
    udpStreamTimeout: duration(conntrack.udpStreamTimeoutSeconds),
  };
}

function interfacesOf(detectLocal: DetectLocal): readonly [bridge: string, prefix: string] {
  switch (detectLocal.mode) {
    case 'BridgeInterface':
      return [detectLocal.name, ''];
    case 'InterfaceNamePrefix':
      return ['', detectLocal.prefix];
    case 'ClusterCIDR':
    case 'NodeCIDR':
    case 'None':
      return ['', ''];
  }
}

function nodePortsText(selection: NodePortSelection): readonly string[] | null {
  switch (selection.kind) {
    case 'all':
      return null;
    case 'primary':
      return ['primary'];
    case 'cidrs':
      return selection.cidrs;
  }
}

function listenText({ address, port }: ListenAddress): string {
  return addressPort(address, port);
}
