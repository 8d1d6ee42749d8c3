import { canonicalAddress } from '../model/address.ts';
import type { DetectLocal, RoutingSettings } from '../routing/settings.ts';
import { defaultConfig, type SyncSettings } from './defaults.ts';
import { formatDuration } from './duration.ts';
import { isNodeName, readClusterCIDR, readNodePortAddresses } from './networks.ts';
import type { Complain } from './problem.ts';
import type { KubeProxyConfiguration } from './schema.ts';

// kube-proxy's defaults and checks: zero and empty values stand for the default, as in Go.

/** What decides packets. */
export function routingOf(
  document: KubeProxyConfiguration,
  besideKubeProxy: boolean,
  complain: Complain,
): RoutingSettings {
  const { iptables } = document;
  const { routing } = defaultConfig;
  return {
    masqueradeAll: iptables?.masqueradeAll ?? routing.masqueradeAll,
    masqueradeBit: iptables?.masqueradeBit ?? routing.masqueradeBit,
    localhostNodePorts: iptables?.localhostNodePorts ?? routing.localhostNodePorts,
    detectLocal: detectLocalOf(document, complain),
    nodePortAddresses: readNodePortAddresses(document.nodePortAddresses ?? [], complain),
    besideKubeProxy,
    nodeAddresses: nodeAddressesOf(document, complain),
  };
}

/** Both periods; 0 stands for the default. */
export function syncOf(document: KubeProxyConfiguration, complain: Complain): SyncSettings {
  const { iptables } = document;
  const period = iptables?.syncPeriod || defaultConfig.sync.syncPeriodMilliseconds;
  const least = iptables?.minSyncPeriod || defaultConfig.sync.minSyncPeriodMilliseconds;
  const [periodPath, leastPath] = [
    ['iptables', 'syncPeriod'],
    ['iptables', 'minSyncPeriod'],
  ];
  if (period < 0) complain(periodPath, 'it is negative');
  else if (least !== undefined && least < 0) complain(leastPath, 'it is negative');
  else if (least !== undefined && least > period) {
    const text = `${formatDuration(period)} is shorter than minSyncPeriod, which is ${formatDuration(least)}`;
    complain(periodPath, text, leastPath);
  }
  return { syncPeriodMilliseconds: period, minSyncPeriodMilliseconds: least };
}

/** The node name that the document gives, trimmed and in lower case as kube-proxy makes it. */
export function hostnameOverrideOf(document: KubeProxyConfiguration, complain: Complain): string | undefined {
  const name = (document.hostnameOverride ?? '').trim().toLowerCase();
  if (name === '') return undefined;
  if (!isNodeName(name)) complain(['hostnameOverride'], `${JSON.stringify(name)} is no name of a Node`);
  return name;
}

/** Without a cluster CIDR its mode cannot tell local pods: no detector. */
function detectLocalOf(document: KubeProxyConfiguration, complain: Complain): DetectLocal {
  const cidrs = readClusterCIDR(document.clusterCIDR ?? '', (text) => complain(['clusterCIDR'], text));
  switch (document.detectLocalMode) {
    case 'NodeCIDR':
      return { mode: 'NodeCIDR' };
    case 'BridgeInterface':
      return { mode: 'BridgeInterface', name: interfaceOf(document, 'bridgeInterface', 15, complain) };
    case 'InterfaceNamePrefix':
      // iptables needs the 15th character for the `+` behind the prefix.
      return {
        mode: 'InterfaceNamePrefix',
        prefix: interfaceOf(document, 'interfaceNamePrefix', 14, complain),
      };
    case 'ClusterCIDR':
    case '':
    case null:
    case undefined:
      return cidrs.length === 0 ? { mode: 'None' } : { mode: 'ClusterCIDR', cidrs };
  }
}

function interfaceOf(
  document: KubeProxyConfiguration,
  field: 'bridgeInterface' | 'interfaceNamePrefix',
  longest: number,
  complain: Complain,
): string {
  const name = document.detectLocal?.[field] ?? '';
  const path = ['detectLocal', field];
  if (name === '')
    complain(path, `it is needed with detectLocalMode ${document.detectLocalMode}`, ['detectLocalMode']);
  else if (name.length > longest) complain(path, `it is longer than ${longest} characters`);
  else if (!/^[\w.:@-]+$/.test(name)) complain(path, `${JSON.stringify(name)} is no name of an interface`);
  return name;
}

/** The unspecified address overrides nothing. */
function nodeAddressesOf(document: KubeProxyConfiguration, complain: Complain): readonly string[] {
  const text = document.bindAddress ?? '';
  if (text === '') return [];
  const address = canonicalAddress(text);
  if (address === undefined) complain(['bindAddress'], `${JSON.stringify(text)} is no IP address`);
  return address === undefined || address === '0.0.0.0' || address === '::' ? [] : [address];
}
