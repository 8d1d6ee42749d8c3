import type { Exec } from '../../../src/kernel/exec.ts';
import type { Family } from '../../../src/model/address.ts';
import type { DialResult } from '../../netns/actor.ts';
import type { AddressPair } from '../../netns/addresses.ts';
import { Holder } from '../../netns/holder.ts';
import type { Program } from '../../netns/program.ts';
import type { Dial, RunningTraffic, Servers, Traffic } from '../../netns/stage.ts';
import type { NodeName } from '../nodes.ts';
import { NamespacesNetwork } from './namespaces.ts';
import { baseScript } from './topology.ts';

/** `control-plane`, `client`, `cloud`, a node, or a pod as `namespace/name`. */
export type Place = string;

export interface NetworkPod {
  /** `namespace/name`; also what its servers answer with. */
  readonly place: Place;
  readonly node: NodeName;
  readonly addresses: AddressPair;
}

/**
 * The links of a whole cluster, each place a network namespace. Nodes route the networks of their pods; the client is outside, behind a
 * router; what goes to load-balancer addresses is routed to `cloud`. Pods reach everything without masquerading, as with a routed CNI.
 */
export interface ClusterNetwork extends AsyncDisposable {
  /** The place's own address. */
  address(place: Place, family: Family): string;
  /** Words that, put before a command, run it where {@link ClusterNetwork.exec} would, for who is not this process. */
  enter(place: Place): readonly [string, ...string[]];
  /** Runs programs in the place's network namespace, as root, with the network's own /run. The working directory is /. */
  exec(place: Place): Exec;
  /** Starts a program that goes on until it is stopped. */
  start(place: Place, argv: readonly [string, ...string[]]): Program;
  /** Where a file below /run is found from outside. It goes when the network goes. */
  path(inside: string): string;
  /** Starts echo servers that answer with the place's name; those that run already stay. */
  listen(place: Place, servers: Servers): Promise<void>;
  /** Ends servers and the connections they have. */
  closeServers(place: Place, servers: Servers): Promise<void>;
  dial(place: Place, dial: Dial): Promise<readonly DialResult[]>;
  startTraffic(place: Place, traffic: Traffic): Promise<RunningTraffic>;
  /** With a namespace and routes from everywhere; one with its node's own addresses is in the node's namespace (`hostNetwork`). */
  addPod(pod: NetworkPod): Promise<void>;
  removePod(place: Place): Promise<void>;
  /** Whether packets of the node and its pods to and from the control plane are dropped. */
  cutOff(node: NodeName, cut: boolean): Promise<void>;
  /** Removes all rules of the node, of both iptables variants and of nftables. Tracked connections stay. */
  flush(node: NodeName): Promise<void>;
  close(): Promise<void>;
}

/** Makes one. Whoever makes it closes it; should its process die first, everything is gone as well. */
export async function createClusterNetwork(nodes: readonly NodeName[]): Promise<ClusterNetwork> {
  const holder = await Holder.start();
  try {
    await holder.script(baseScript(nodes));
    return new NamespacesNetwork(holder, nodes);
  } catch (error) {
    await holder.close();
    throw error;
  }
}
