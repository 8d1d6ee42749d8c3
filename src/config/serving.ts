import { canonicalAddress } from '../model/address.ts';
import { defaultConfig, type ListenAddress, type ServingSettings } from './defaults.ts';
import type { ConfigFlags } from './flags.ts';
import type { KubeProxyConfiguration, NodeplaneConfiguration } from './schema.ts';

/** What is served. Ports and addresses that nobody chose are kube-proxy's, in the family of `bindAddress`. */
export function servingOf(
  document: KubeProxyConfiguration,
  nodeplane: NodeplaneConfiguration,
  ports: ConfigFlags['ports'] = {},
): ServingSettings {
  const inIPv6 = canonicalAddress(document.bindAddress ?? '')?.includes(':') === true;
  const { healthz, metrics } = nodeplane.serving ?? {};
  const healthzText = document.healthzBindAddress || (inIPv6 ? '::' : '0.0.0.0');
  const metricsText = document.metricsBindAddress || (inIPv6 ? '::1' : '127.0.0.1');
  return {
    healthz: healthz === false ? undefined : listenAddress(healthzText, ports.healthz ?? 10_256),
    metrics: metrics === false ? undefined : listenAddress(metricsText, ports.metrics ?? 10_249),
    hardFail: document.bindAddressHardFail ?? defaultConfig.serving.hardFail,
    profiling: document.enableProfiling ?? defaultConfig.serving.profiling,
  };
}

/** Reads what the schema let pass: `IP`, `[IP]`, `IP:port`, `[IP]:port`. */
function listenAddress(text: string, defaultPort: number): ListenAddress {
  const whole = canonicalAddress(text);
  if (whole !== undefined) return { address: whole, port: defaultPort };
  const { host = '', port } = text.match(/^\[?(?<host>[^[\]]*?)\]?(?::(?<port>\d+))?$/)?.groups ?? {};
  return { address: canonicalAddress(host) ?? host, port: port === undefined ? defaultPort : Number(port) };
}
