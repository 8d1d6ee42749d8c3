// What real clusters have besides, and the rig has not.
import { readFile } from 'node:fs/promises';
import type { Json } from '../../conformance/objects.ts';
import type { Cluster } from '../cluster.ts';
import { podKubeconfig } from '../kubeconfig.ts';
import { clusterNetwork } from '../network/addresses.ts';

const namespace = 'kube-system';
const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** By which pods know the API server; a controller writes it into every namespace. */
export async function rootAuthority({ network }: Pick<Cluster, 'network'>): Promise<Json> {
  const certificate = await readFile(network.path('/run/control-plane/ca.crt'), 'utf8');
  const metadata = { name: 'kube-root-ca.crt', namespace };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': certificate } };
}

/** As kubeadm writes it for kube-proxy. */
export function kubeadmConfigMap({ plane }: Pick<Cluster, 'plane'>): Json {
  const config = [
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1',
    'kind: KubeProxyConfiguration',
    'bindAddress: 0.0.0.0',
    'bindAddressHardFail: false',
    'clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}',
    `clusterCIDR: ${clusterNetwork.IPv4},${clusterNetwork.IPv6}`,
    'configSyncPeriod: 0s',
    // As kind has it: nf_conntrack_max can be set in the first network namespace only.
    'conntrack: {maxPerCore: 0, min: null, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null}',
    'enableProfiling: false',
    'healthzBindAddress: ""',
    'hostnameOverride: ""',
    'metricsBindAddress: ""',
    'mode: ""',
    'oomScoreAdj: null',
    '',
  ].join('\n');
  const kubeconfig = podKubeconfig({
    server: plane.server(),
    authorityFile: `${accountDirectory}/ca.crt`,
    tokenFile: `${accountDirectory}/token`,
  });
  const metadata = { name: 'kube-proxy', namespace };
  const data = { 'config.conf': config, 'kubeconfig.conf': kubeconfig };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}
