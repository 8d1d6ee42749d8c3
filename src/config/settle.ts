import {
  type ClientSettings,
  type Config,
  type ConntrackSettings,
  defaultConfig,
  type LoggingSettings,
} from './defaults.ts';
import type { readDocuments } from './file.ts';
import type { ConfigFlags } from './flags.ts';
import { routingOf, syncOf } from './kube-proxy.ts';
import { type Mode, modes, readMode } from './mode.ts';
import { didYouMean } from './nearest.ts';
import type { HostIdentity } from './node-name.ts';
import type { Complain } from './problem.ts';
import type { KubeProxyConfiguration } from './schema.ts';
import { servingOf } from './serving.ts';

/**
 * The documents as one settled value; what is wrong with them is complained of, and the value then means nothing.
 * @throws NodeplaneError `NP-CONFIG-003` for a mode that nodeplane does not offer.
 */
export function settle(
  { kubeProxy, nodeplane }: ReturnType<typeof readDocuments>,
  flags: ConfigFlags,
  host: HostIdentity,
  complain: Complain,
): Omit<Config, 'nodeName' | 'withoutEffect'> {
  const serviceProxyName = nodeplane.serviceProxyName || undefined;
  return {
    mode: modeOf(kubeProxy, complain),
    iptablesVariant: nodeplane.iptables?.variant || defaultConfig.iptablesVariant,
    kubeProxy: nodeplane.kubeProxy || defaultConfig.kubeProxy,
    serviceProxyName,
    routing: routingOf(kubeProxy, serviceProxyName !== undefined, complain),
    sync: syncOf(kubeProxy, complain),
    client: clientOf(kubeProxy, nodeplane.apiServer ?? '', host),
    conntrack: conntrackOf(kubeProxy, serviceProxyName === undefined ? defaultConfig.conntrack : leftAlone),
    serving: servingOf(kubeProxy, nodeplane, flags.ports),
    events: nodeplane.events ?? defaultConfig.events,
    oomScoreAdj: kubeProxy.oomScoreAdj ?? defaultConfig.oomScoreAdj,
    logging: loggingOf(kubeProxy),
  };
}

function modeOf(document: KubeProxyConfiguration, complain: Complain): Mode {
  const word = document.mode || defaultConfig.mode;
  const mode = readMode(word);
  if (mode === undefined) {
    complain(['mode'], `there is no mode ${JSON.stringify(word.slice(0, 80))}${didYouMean(word, modes)}`);
  }
  return mode ?? defaultConfig.mode;
}

/** A pod has its service account, so `$KUBECONFIG` counts only outside of one. */
function clientOf(document: KubeProxyConfiguration, server: string, host: HostIdentity): ClientSettings {
  const environment = host.inCluster === true ? undefined : host.kubeconfig || undefined;
  return {
    kubeconfig: document.clientConnection?.kubeconfig || environment,
    server: server === '' ? undefined : server,
  };
}

/** kube-proxy, where it works as well, has set what it wants, and would set it again. */
const leftAlone: ConntrackSettings = {
  maxPerCore: 0,
  min: 0,
  tcpEstablishedTimeoutSeconds: undefined,
  tcpCloseWaitTimeoutSeconds: undefined,
  tcpBeLiberal: false,
  udpTimeoutSeconds: undefined,
  udpStreamTimeoutSeconds: undefined,
};

function conntrackOf({ conntrack }: KubeProxyConfiguration, byDefault: ConntrackSettings): ConntrackSettings {
  return {
    maxPerCore: conntrack?.maxPerCore ?? byDefault.maxPerCore,
    min: conntrack?.min ?? byDefault.min,
    tcpEstablishedTimeoutSeconds: seconds(
      conntrack?.tcpEstablishedTimeout,
      byDefault.tcpEstablishedTimeoutSeconds,
    ),
    tcpCloseWaitTimeoutSeconds: seconds(conntrack?.tcpCloseWaitTimeout, byDefault.tcpCloseWaitTimeoutSeconds),
    tcpBeLiberal: conntrack?.tcpBeLiberal ?? byDefault.tcpBeLiberal,
    udpTimeoutSeconds: seconds(conntrack?.udpTimeout, undefined),
    udpStreamTimeoutSeconds: seconds(conntrack?.udpStreamTimeout, undefined),
  };
}

/** 0 leaves the setting. kube-proxy cuts fractions off; of less than a second nothing would remain. */
function seconds(milliseconds: number | null | undefined, byDefault: number | undefined): number | undefined {
  if (milliseconds === null || milliseconds === undefined) return byDefault;
  return milliseconds === 0 ? undefined : Math.max(1, Math.floor(milliseconds / 1000));
}

function loggingOf({ logging }: KubeProxyConfiguration): LoggingSettings {
  return { verbosity: logging?.verbosity ?? 0, format: logging?.format || undefined };
}
