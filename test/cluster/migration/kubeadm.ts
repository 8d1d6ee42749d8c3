// What kubeadm 1.36 installs of kube-proxy (cmd/kubeadm/app/phases/addons/proxy/manifests.go), in the networks of the rig.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import { clusterNetwork } from '../../netns/addresses.ts';
import type { ControlPlane } from '../control-plane.ts';
import { kubeProxyProgram, kubeProxyUser } from '../kube-proxy.ts';
import { podKubeconfig } from '../kubeconfig.ts';
import type { Images } from '../kubelet/kubelet.ts';
import { allNodes } from '../nodes.ts';

const written = join(import.meta.dirname, '../../testdata/config/kubeadm.yaml');
const secrets = '/var/run/secrets/kubernetes.io/serviceaccount';
const namespace = 'kube-system';

/** Its configuration as kubeadm writes it, but for what cannot be set in a network namespace. */
async function configuration(): Promise<string> {
  const networks = families.map((family) => clusterNetwork[family]).join(',');
  const text = await readFile(written, 'utf8');
  return text
    .replace(/^clusterCIDR: .*$/m, `clusterCIDR: ${networks}`)
    .replace('maxPerCore: null', 'maxPerCore: 0')
    .replace(/(tcp(?:CloseWait|Established)Timeout): null/g, '$1: 0s');
}

/** Its ConfigMap and its DaemonSet. */
export async function kubeProxyAddon(plane: ControlPlane): Promise<readonly Json[]> {
  const kubeconfig = podKubeconfig({
    server: plane.server(),
    authorityFile: `${secrets}/ca.crt`,
    tokenFile: `${secrets}/token`,
  });
  const labels = { 'k8s-app': 'kube-proxy' };
  const data = { 'kubeconfig.conf': kubeconfig, 'config.conf': await configuration() };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'kube-proxy' }, data },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { namespace, name: 'kube-proxy', labels },
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate' },
        template: { metadata: { labels }, spec: podSpec },
      },
    },
  ];
}

const podSpec: Json = {
  priorityClassName: 'system-node-critical',
  hostNetwork: true,
  tolerations: [{ operator: 'Exists' }],
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  containers: [
    {
      name: 'kube-proxy',
      image: 'registry.k8s.io/kube-proxy:v1.36.3',
      command: ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf'],
      securityContext: { privileged: true },
    },
  ],
};

/** Its image: the real program, with a configuration file as in its ConfigMap. */
export function kubeProxyImage(plane: () => ControlPlane): Images[string] {
  return async ({ place, network }) => {
    const isHere = ({ name }: { readonly name: string }): boolean =>
      network.address(name, 'IPv4') === network.address(place, 'IPv4');
    const node = allNodes.find(isHere);
    if (node === undefined) throw new Error(`${place} is on no node`);
    const file = `/run/kube-proxy-${node.name}.conf`;
    const kubeconfig = await plane().kubeconfig(kubeProxyUser);
    const text = await configuration();
    await writeFile(network.path(file), text.replace('/var/lib/kube-proxy/kubeconfig.conf', kubeconfig));
    const program = await kubeProxyProgram(network, node);
    return [...program, `--config=${file}`, `--hostname-override=${node.name}`];
  };
}
