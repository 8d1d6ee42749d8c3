import * as v from 'valibot';
import {
  count,
  decimal,
  duration,
  endpointText,
  flag,
  flushFrequency,
  group,
  integerBetween,
  labelValue,
  minorVersion,
  naturalDuration,
  oneOf,
  serverUrl,
  text,
  texts,
} from './fields.ts';

const localModes = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;
const logFormats = ['text', 'json'] as const;
export const iptablesVariants = ['auto', 'legacy', 'nft'] as const;

export type IptablesVariant = (typeof iptablesVariants)[number];

/** What is done when kube-proxy, or another nodeplane, works on this node already. */
export const kubeProxyChoices = ['refuse', 'wait', 'ignore'] as const;

export type KubeProxyChoice = (typeof kubeProxyChoices)[number];

const outputRouting = group({
  splitStream: flag,
  infoBufferSize: v.nullish(v.union([v.string(), v.number()])),
});

const logging = group({
  format: oneOf(logFormats),
  flushFrequency,
  verbosity: count,
  vmodule: v.nullish(v.array(v.strictObject({ filePattern: v.string(), verbosity: v.number() }))),
  options: group({ text: outputRouting, json: outputRouting }),
});

const conntrack = group({
  max: count,
  maxPerCore: count,
  min: count,
  tcpEstablishedTimeout: naturalDuration,
  tcpCloseWaitTimeout: naturalDuration,
  tcpBeLiberal: flag,
  udpTimeout: naturalDuration,
  udpStreamTimeout: naturalDuration,
});

const ipvs = group({
  syncPeriod: duration,
  minSyncPeriod: duration,
  scheduler: text,
  excludeCIDRs: texts,
  strictARP: flag,
  tcpTimeout: duration,
  tcpFinTimeout: duration,
  udpTimeout: duration,
});

const winkernel = group({
  networkName: text,
  sourceVip: text,
  enableDSR: flag,
  rootHnsEndpointName: text,
  forwardHealthCheckVip: flag,
});

/** kube-proxy's own document, field by field as Kubernetes 1.36 defines it, with those of before that managed clusters still write. */
export const kubeProxyConfiguration = v.object({
  apiVersion: v.literal('kubeproxy.config.k8s.io/v1alpha1'),
  kind: v.literal('KubeProxyConfiguration'),
  mode: text,
  iptables: group({
    masqueradeBit: integerBetween(0, 31),
    masqueradeAll: flag,
    localhostNodePorts: flag,
    syncPeriod: duration,
    minSyncPeriod: duration,
  }),
  detectLocalMode: oneOf(localModes),
  detectLocal: group({ bridgeInterface: text, interfaceNamePrefix: text }),
  clusterCIDR: text,
  nodePortAddresses: texts,
  bindAddress: text,
  hostnameOverride: text,
  nftables: group({
    masqueradeBit: integerBetween(0, 31),
    masqueradeAll: flag,
    syncPeriod: duration,
    minSyncPeriod: duration,
  }),
  conntrack,
  healthzBindAddress: endpointText,
  metricsBindAddress: endpointText,
  bindAddressHardFail: flag,
  enableProfiling: flag,
  showHiddenMetricsForVersion: minorVersion,
  oomScoreAdj: integerBetween(-1000, 1000),
  configSyncPeriod: naturalDuration,
  clientConnection: group({
    kubeconfig: text,
    acceptContentTypes: text,
    contentType: text,
    qps: decimal,
    burst: count,
  }),
  featureGates: v.nullish(v.record(v.string(), v.boolean())),
  logging,
  ipvs,
  winkernel,
  portRange: text,
  udpIdleTimeout: duration,
  resourceContainer: text,
  windowsRunAsService: flag,
});

/** Our own settings. */
export const nodeplaneConfiguration = v.object({
  apiVersion: v.literal('nodeplane.dev/v1alpha1'),
  kind: v.literal('NodeplaneConfiguration'),
  iptables: group({ variant: oneOf(iptablesVariants) }),
  kubeProxy: oneOf(kubeProxyChoices),
  apiServer: serverUrl,
  serviceProxyName: labelValue,
  serving: group({ healthz: flag, metrics: flag }),
  events: flag,
});

export type KubeProxyConfiguration = v.InferOutput<typeof kubeProxyConfiguration>;
export type NodeplaneConfiguration = v.InferOutput<typeof nodeplaneConfiguration>;

/** The documents that a configuration file may hold, by kind. */
export const documentSchemas = {
  KubeProxyConfiguration: kubeProxyConfiguration,
  NodeplaneConfiguration: nodeplaneConfiguration,
} as const;

export type DocumentKind = keyof typeof documentSchemas;
