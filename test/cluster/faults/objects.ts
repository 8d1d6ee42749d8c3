import { type Family, families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import { echoDeployment, echoService, echoTemplate } from '../kubelet/objects.ts';
import { allNodes } from '../nodes.ts';
import { until } from '../until.ts';
import { type Backend, createMoving } from './moving.ts';
import type { Target } from './traffic.ts';

const startedMilliseconds = 60_000;

/** `steady` with a Pod on each node, `moving`, and a Pod on each node that only sends. */
export async function createObjects({ api }: Cluster): Promise<void> {
  await api.create(echoService('steady', { spec: { type: 'LoadBalancer' } }));
  await createMoving(api, 'moving');
  await api.create(echoDeployment({ name: 'steady', replicas: allNodes.length, lingerSeconds: 3 }));
  await api.create({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'sender', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'sender' } }, template: echoTemplate({ name: 'sender' }) },
  });
}

/** The Pods with the label, once one is on each node. */
export async function runningPods(
  { api, kubelet, network }: Cluster,
  app: string,
): Promise<readonly Backend[]> {
  let found: readonly { name: string; node: string }[] = [];
  await until(
    () => `Pods of ${app} run: ${JSON.stringify(found)}`,
    startedMilliseconds,
    async () => {
      const { body } = await api.request('GET', `/api/v1/namespaces/default/pods?labelSelector=app=${app}`);
      const { items }: { items: { metadata: { name: string }; spec: { nodeName?: string } }[] } =
        JSON.parse(body);
      found = items.map(({ metadata: { name }, spec: { nodeName = '' } }) => ({ name, node: nodeName }));
      return new Set(found.map(({ node }) => node).filter(Boolean)).size === allNodes.length;
    },
  );
  return Promise.all(
    found.map(async ({ name, node }) => {
      const place = await kubelet.place('default', name);
      return {
        place,
        node,
        addresses: { IPv4: network.address(place, 'IPv4'), IPv6: network.address(place, 'IPv6') },
      };
    }),
  );
}

interface ServiceView {
  readonly spec: {
    readonly clusterIPs: readonly string[];
    readonly ports: readonly { readonly protocol: string; readonly nodePort: number }[];
  };
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } };
}

async function viewOf({ api }: Cluster, name: string): Promise<ServiceView> {
  const { body } = await api.request('GET', `/api/v1/namespaces/default/services/${name}`);
  return JSON.parse(body);
}

export async function clusterIPs(cluster: Cluster, name: string): Promise<Readonly<Record<Family, string>>> {
  const [IPv4 = '', IPv6 = ''] = (await viewOf(cluster, name)).spec.clusterIPs;
  return { IPv4, IPv6 };
}

/** Once the cloud has given it addresses. */
export async function targetOf(cluster: Cluster, name: string): Promise<Target> {
  let ingress: readonly string[] = [];
  await until(
    () => `${name} has addresses of the cloud: ${ingress.join()}`,
    startedMilliseconds,
    async () => {
      ingress = ((await viewOf(cluster, name)).status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
      return ingress.length === families.length;
    },
  );
  const { spec } = await viewOf(cluster, name);
  const nodePort = spec.ports.find(({ protocol }) => protocol === 'TCP')?.nodePort ?? 0;
  return { clusterIPs: spec.clusterIPs, ingress, nodePort };
}
