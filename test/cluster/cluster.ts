import { type Agent, startAgent } from './agent.ts';
import type { Api } from './api.ts';
import { type Cloud, startCloud } from './cloud/cloud.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { hostOf } from './host.ts';
import { type Images, type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import { type ClusterNetwork, createClusterNetwork } from './network/network.ts';
import { allNodes, type NodeName, type NodePlan } from './nodes.ts';

export interface ClusterOptions {
  /** All three when undefined. */
  readonly nodes?: readonly NodePlan[];
  /** Whether the bundled agent runs on each; true when undefined. */
  readonly agents?: boolean;
  readonly images?: Images;
}

/** A whole cluster: a real control plane, nodes with the bundled agent, a stand-in for kubelets and one for the cloud, and a client outside. */
export class Cluster implements AsyncDisposable {
  readonly network: ClusterNetwork;
  readonly plane: ControlPlane;
  readonly kubelet: Kubelet;
  readonly cloud: Cloud;
  readonly agents: Map<NodeName, Agent>;

  /** Use {@link startCluster}. */
  constructor(parts: Pick<Cluster, 'network' | 'plane' | 'kubelet' | 'cloud' | 'agents'>) {
    this.network = parts.network;
    this.plane = parts.plane;
    this.kubelet = parts.kubelet;
    this.cloud = parts.cloud;
    this.agents = parts.agents;
  }

  /** As `system:masters`. */
  get api(): Api {
    return this.plane.api;
  }

  /** What everybody said at last, for messages of failures. */
  lastWords(lines = 25): string {
    const agents = [...this.agents].map(([node, { process }]) =>
      [`=== nodeplane on ${node}`, ...process.lines.slice(-lines)].join('\n'),
    );
    return [this.plane.lastWords(lines), ...agents].join('\n');
  }

  async close(): Promise<void> {
    await Promise.all([this.cloud.close(), this.kubelet.close()]);
    await Promise.all([...this.agents.values()].map((agent) => agent.close()));
    await this.plane.close();
    await this.network.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Starts one. @throws Error with the last words of what did not start; nothing is left then. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes = allNodes, agents = true, images = {} } = options;
  const started: { close(): Promise<void> }[] = [];
  const begun = async <Part extends { close(): Promise<void> }>(starting: Promise<Part>): Promise<Part> => {
    const part = await starting;
    started.unshift(part);
    return part;
  };
  try {
    const network = await begun(createClusterNetwork(nodes.map(({ name }) => name)));
    const plane = await begun(startControlPlane(hostOf(network, 'control-plane'), { controllers: true }));
    const kubelet = await begun(startKubelet({ api: plane.api, network, nodes, images }));
    const cloud = await begun(startCloud({ api: plane.api, network }));
    const running = new Map<NodeName, Agent>();
    for (const { name, variant } of agents ? nodes : []) {
      const flags = ['--iptables-variant', variant];
      running.set(name, await begun(startAgent(network, plane, name, flags)));
    }
    return new Cluster({ network, plane, kubelet, cloud, agents: running });
  } catch (error) {
    for (const part of started) await part.close();
    throw error;
  }
}
