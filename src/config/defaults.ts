import { defaultRoutingSettings, type RoutingSettings } from '../routing/settings.ts';
import type { IptablesVariant, KubeProxyChoice } from './schema.ts';

/** How often the kernel is written and compared. */
export interface SyncSettings {
  /** Least time between the end of one sync and the start of the next; undefined: as long as the last one took, within bounds. */
  readonly minSyncPeriodMilliseconds: number | undefined;
  /** The kernel is compared this often when nothing changes. */
  readonly syncPeriodMilliseconds: number;
}

/** Where and how the API server is asked. */
export interface ClientSettings {
  /** Undefined: in-cluster. */
  readonly kubeconfig: string | undefined;
  /** `https://host:port` that replaces the kubeconfig's server, or the in-cluster address (`--master`). */
  readonly server: string | undefined;
}

/** Sysctls of connection tracking; undefined leaves one as it is. */
export interface ConntrackSettings {
  /** Entries at most: so many per core, but at least `min`; 0 leaves it. */
  readonly maxPerCore: number;
  readonly min: number;
  readonly tcpEstablishedTimeoutSeconds: number | undefined;
  readonly tcpCloseWaitTimeoutSeconds: number | undefined;
  readonly tcpBeLiberal: boolean;
  readonly udpTimeoutSeconds: number | undefined;
  readonly udpStreamTimeoutSeconds: number | undefined;
}

/** An address and port to listen on. `address` is canonical; `0.0.0.0` and `::` both mean all addresses of both families, as to Go. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** What the agent serves. */
export interface ServingSettings {
  /** `/healthz` and `/livez`; undefined: not served. */
  readonly healthz: ListenAddress | undefined;
  /** `/metrics`, `/proxyMode`, `/configz` and the debugging door; undefined: not served. */
  readonly metrics: ListenAddress | undefined;
  /** End when one of them cannot listen, instead of trying again. */
  readonly hardFail: boolean;
  /** The debugging door answers on addresses other than loopback as well (`enableProfiling`). */
  readonly profiling: boolean;
}

/** How the log is written; flags of the command line go before both. */
export interface LoggingSettings {
  /** klog's number: 0 is quiet, 4 is for debugging, 6 and more for tracing. */
  readonly verbosity: number;
  /** `text`: lines for people. Undefined: those on a terminal, JSON elsewhere. */
  readonly format: 'text' | 'json' | undefined;
}

/** All that an administrator decided: defaults, the configuration file and flags, checked and settled. */
export interface Config {
  readonly mode: 'iptables';
  readonly iptablesVariant: IptablesVariant;
  /** Before anything is changed, when kube-proxy or another nodeplane works on this node. */
  readonly kubeProxy: KubeProxyChoice;
  /**
   * Value of the label service.kubernetes.io/service-proxy-name of the Services that are served; kube-proxy serves those without it, on this
   * node too (KEP-2447). Undefined: those without the label are served, in kube-proxy's place.
   */
  readonly serviceProxyName: string | undefined;
  /** The Node object that stands for this machine. */
  readonly nodeName: string;
  readonly routing: RoutingSettings;
  readonly sync: SyncSettings;
  readonly client: ClientSettings;
  readonly conntrack: ConntrackSettings;
  readonly serving: ServingSettings;
  /** Kubernetes Events about objects and this node are written. */
  readonly events: boolean;
  /** -1000 to 1000 for /proc/self/oom_score_adj; undefined leaves it. */
  readonly oomScoreAdj: number | undefined;
  readonly logging: LoggingSettings;
  /** Fields, of the file or by flags, that ask for something and have no effect: dotted paths, as of docs/configuration.md. */
  readonly withoutEffect: readonly string[];
}

/** What holds without a configuration file; the node's name comes from the machine. */
export const defaultConfig: Omit<Config, 'nodeName'> = {
  mode: 'iptables',
  iptablesVariant: 'auto',
  kubeProxy: 'refuse',
  serviceProxyName: undefined,
  routing: defaultRoutingSettings,
  sync: { minSyncPeriodMilliseconds: undefined, syncPeriodMilliseconds: 30_000 },
  client: { kubeconfig: undefined, server: undefined },
  conntrack: {
    maxPerCore: 32_768,
    min: 131_072,
    tcpEstablishedTimeoutSeconds: 86_400,
    tcpCloseWaitTimeoutSeconds: 3600,
    tcpBeLiberal: false,
    udpTimeoutSeconds: undefined,
    udpStreamTimeoutSeconds: undefined,
  },
  serving: {
    healthz: { address: '0.0.0.0', port: 10_256 },
    metrics: { address: '127.0.0.1', port: 10_249 },
    hardFail: false,
    profiling: false,
  },
  events: true,
  oomScoreAdj: -999,
  logging: { verbosity: 0, format: undefined },
  withoutEffect: [],
};
