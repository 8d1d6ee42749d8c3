import { setTimeout } from 'node:timers/promises';
import { type Family, families } from '../../../src/model/address.ts';
import type { Agent } from '../agent.ts';
import { type Cluster, startCluster } from '../cluster.ts';
import { echoDeployment, echoService, echoTemplate } from '../kubelet/objects.ts';
import type { Place } from '../network/network.ts';
import { allNodes, type NodeName } from '../nodes.ts';
import { until } from '../until.ts';
import { type Backend, createMoving, pointAt } from './moving.ts';
import { ConstantTraffic, type Target } from './traffic.ts';

const startedMilliseconds = 60_000;
const dialMilliseconds = 2500;

export interface Converged {
  readonly packets: number;
  readonly diff: number;
}

/**
 * A cluster with a Service `steady` that no fault may touch, behind which a Pod runs on each node, and a Service `moving` whose endpoints
 * change: when packets of a Pod on each node find what it was pointed at last, the cluster has converged.
 */
export class FaultBed implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly target: Target;
  /** The Pods behind `steady`, one on each node. */
  readonly backends: readonly Backend[];
  /** A Pod on each node that only sends. */
  readonly clients: Readonly<Record<NodeName, Place>>;
  #turn = 0;

  private constructor(cluster: Cluster, parts: Pick<FaultBed, 'target' | 'backends' | 'clients'>) {
    this.cluster = cluster;
    this.target = parts.target;
    this.backends = parts.backends;
    this.clients = parts.clients;
  }

  static async open(): Promise<FaultBed> {
    const cluster = await startCluster();
    try {
      await createObjects(cluster);
      const [backends, clients] = [
        await runningPods(cluster, 'steady'),
        await runningPods(cluster, 'sender'),
      ];
      const on = (node: NodeName): Place => clients.find((each) => each.node === node)?.place ?? '';
      const bed = new FaultBed(cluster, {
        target: await targetOf(cluster, 'steady'),
        backends,
        clients: { 'node-1': on('node-1'), 'node-2': on('node-2'), 'node-3': on('node-3') },
      });
      await bed.converged();
      await bed.settled();
      return bed;
    } catch (error) {
      console.error(cluster.lastWords());
      await cluster.close();
      throw error;
    }
  }

  /** From a Pod of each node, from each node, and from outside; of the given nodes only. */
  traffic(nodes: readonly NodeName[] = this.nodes): Promise<ConstantTraffic> {
    const pods = nodes.map((node) => this.clients[node]);
    return ConstantTraffic.start(this.cluster.network, { pods, nodes }, this.target);
  }

  /** Nodes whose agents run. */
  get nodes(): readonly NodeName[] {
    return [...this.cluster.agents.keys()];
  }

  agent(node: NodeName): Agent {
    const agent = this.cluster.agents.get(node);
    if (agent === undefined) throw new Error(`no agent on ${node}`);
    return agent;
  }

  /** Points `moving` somewhere else, in turn. @returns the name of the Pod. */
  async change(): Promise<string> {
    const backend = this.backends[++this.#turn % this.backends.length];
    if (backend === undefined) throw new Error('nobody to point at');
    await pointAt(this.cluster.api, 'moving', [backend]);
    return backend.place;
  }

  /**
   * Changes `moving` and waits for the nodes' packets, then for `nodeplane diff`.
   * @param since when the clock began; before the change when undefined.
   */
  async converged(nodes = this.nodes, since = performance.now()): Promise<Converged> {
    return this.follows(await this.change(), nodes, since);
  }

  /** The same for a change that has been written already. */
  async follows(place: string, nodes = this.nodes, since = performance.now()): Promise<Converged> {
    await Promise.all(nodes.map((node) => this.#untilServedBy(node, place)));
    const packets = performance.now() - since;
    await Promise.all(nodes.map((node) => this.#untilNoDifference(node)));
    return { packets, diff: performance.now() - since };
  }

  /** Until all traffic is answered for a moment: the cloud has found its nodes healthy. */
  async settled(): Promise<void> {
    let last: readonly string[] = [];
    const what = () => `all ways work:\n${last.join('\n')}`;
    await until(what, startedMilliseconds, async () => {
      const traffic = await this.traffic();
      await setTimeout(500);
      const { failed, broken } = await traffic.stop();
      last = [...failed, ...broken.map(({ words }) => words)];
      return last.length === 0;
    });
  }

  async #untilServedBy(node: NodeName, place: string): Promise<void> {
    const ips = await clusterIPs(this.cluster, 'moving');
    let last = '';
    const what = () => `${node}: moving is served by ${last} instead of ${place}`;
    await until(what, startedMilliseconds, async () => {
      last = (await Promise.all(families.map((family) => this.#answers(node, ips[family])))).join();
      return last === `${place},${place}`;
    });
  }

  async #answers(node: NodeName, to: string): Promise<string> {
    const dial = { to, port: 80, count: 4, timeoutMilliseconds: dialMilliseconds };
    const dials = await Promise.all(
      (['TCP', 'UDP'] as const).map((protocol) =>
        this.cluster.network.dial(this.clients[node], { ...dial, protocol }),
      ),
    );
    const seen = dials.flat().map((each) => (each.outcome === 'answered' ? each.server : each.outcome));
    return [...new Set(seen)].sort().join('+');
  }

  async #untilNoDifference(node: NodeName): Promise<void> {
    let last = '';
    await until(
      () => `${node}: diff: ${last}`,
      startedMilliseconds,
      async () => {
        const { exitCode, stdout, stderr } = await this.agent(node).diff();
        last = `${exitCode} ${stdout} ${stderr}`;
        return exitCode === 0;
      },
    );
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function createObjects({ api }: Cluster): Promise<void> {
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
async function runningPods({ api, kubelet, network }: Cluster, app: string): Promise<readonly Backend[]> {
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

async function clusterIPs(cluster: Cluster, name: string): Promise<Readonly<Record<Family, string>>> {
  const [IPv4 = '', IPv6 = ''] = (await viewOf(cluster, name)).spec.clusterIPs;
  return { IPv4, IPv6 };
}

/** Once the cloud has given it addresses. */
async function targetOf(cluster: Cluster, name: string): Promise<Target> {
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
