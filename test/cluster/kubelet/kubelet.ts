import type { Api } from '../api.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import type { NodeName, NodePlan } from '../nodes.ts';
import { StandIn } from './stand-in.ts';

/**
 * What stands in for scheduler, kubelet and container runtime on all nodes. It registers the nodes, binds Pods that have none, gives each
 * an address in a namespace of its own and runs there what its image names (`echo`: TCP and UDP servers on all its container ports; others by
 * {@link Images}), and tells the API server what is true: Ready once the servers answer, not Ready while the annotation `ready: "false"`
 * stands or they do not answer, Terminating for as long as `lifecycle.preStop.sleep` takes, then gone, connections included.
 */
export interface Kubelet extends AsyncDisposable {
  /** Where a Pod runs, once it does. @throws Error when it does not within half a minute. */
  place(namespace: string, pod: string): Promise<Place>;
  /** Registers the node, or deletes its Node object and ends its Pods. */
  addNode(plan: NodePlan): Promise<void>;
  removeNode(node: NodeName): Promise<void>;
  /** Ends a Pod's servers, or starts them again, as a crash would; the API server hears of it as fast as from a probe. */
  crash(place: Place): Promise<void>;
  restart(place: Place): Promise<void>;
  close(): Promise<void>;
}

/** A program for an image's name: its arguments, run in the Pod's namespace; files may be written below /run first. */
export type Images = Readonly<
  Record<
    string,
    (pod: {
      readonly place: Place;
      readonly network: ClusterNetwork;
    }) => Promise<readonly [string, ...string[]]>
  >
>;

export async function startKubelet(of: {
  readonly api: Api;
  readonly network: ClusterNetwork;
  readonly nodes: readonly NodePlan[];
  readonly images?: Images;
}): Promise<Kubelet> {
  const kubelet = new StandIn({ ...of, images: of.images ?? {} });
  try {
    for (const plan of of.nodes) await kubelet.addNode(plan);
    return kubelet;
  } catch (error) {
    await kubelet.close();
    throw error;
  }
}
