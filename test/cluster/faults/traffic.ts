import { setTimeout } from 'node:timers/promises';
import { families } from '../../../src/model/address.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import { type RunningStreams, type Stream, startStreams } from '../scenarios/streams.ts';

/** A Service as its clients find it. */
export interface Target {
  /** ClusterIPs, one per family. */
  readonly clusterIPs: readonly string[];
  /** Addresses of the load balancer, one per family. */
  readonly ingress: readonly string[];
  /** Its node port for TCP. */
  readonly nodePort: number;
}

/** Who sends. */
export interface Senders {
  /** A Pod of each node. */
  readonly pods: readonly Place[];
  /** Nodes that send themselves, and whose node ports are used from outside. */
  readonly nodes: readonly NodeName[];
}

/** What became of all connections and exchanges of some traffic. */
export interface Tally {
  /** New connections and UDP exchanges that were answered. */
  readonly answered: number;
  /** Each in words: which way it went, and how it failed. */
  readonly failed: readonly string[];
  /** Connections that were to stay and did not, in words, with the server they had. */
  readonly broken: readonly { readonly server: string; readonly words: string }[];
  /** Lines that went there and back over connections that stayed. */
  readonly exchanges: number;
}

const everyMilliseconds = 100;
const leastMilliseconds = 5000;
/** A first packet that was lost is sent again after 1, 3 and 7 seconds. */
const timeoutMilliseconds = 10_000;

/** New connections from Pods on every node, from nodes themselves and from outside, and a long one beside each; in both families. */
export class ConstantTraffic {
  readonly #streams: RunningStreams;
  readonly #began = performance.now();

  private constructor(streams: RunningStreams) {
    this.#streams = streams;
  }

  static async start(network: ClusterNetwork, senders: Senders, target: Target): Promise<ConstantTraffic> {
    const ways = waysTo(network, senders, target);
    const streams = ways.map((way) => ({ ...way, everyMilliseconds, timeoutMilliseconds }));
    return new ConstantTraffic(await startStreams({ network }, streams));
  }

  /** Ends it, after some seconds at least, and waits for what is under way. */
  async stop(): Promise<Tally> {
    await setTimeout(Math.max(0, leastMilliseconds - (performance.now() - this.#began)));
    const { connections, failed, kept, exchanges } = await this.#streams.stop();
    const answered = connections - failed.length;
    const broken = kept
      .filter((each) => each.broken !== '')
      .map((each) => ({ server: each.server, words: `${each.way}: ${each.broken} by ${each.server}` }));
    return { answered, failed, broken, exchanges };
  }
}

function waysTo(network: ClusterNetwork, { pods, nodes }: Senders, target: Target): readonly Stream[] {
  const { clusterIPs, ingress, nodePort } = target;
  const tcp = (from: Place, to: string, port = 80): Stream => ({ from, to, port, protocol: 'TCP', kept: 1 });
  const udp = (from: Place, to: string): Stream => ({ from, to, port: 80, protocol: 'UDP' });
  return [
    ...pods.flatMap((pod) => clusterIPs.flatMap((to) => [tcp(pod, to), udp(pod, to)])),
    ...nodes.flatMap((node) => clusterIPs.map((to) => tcp(node, to))),
    ...nodes.flatMap((node) =>
      families.map((family) => tcp('client', network.address(node, family), nodePort)),
    ),
    ...ingress.flatMap((to) => [tcp('client', to), udp('client', to)]),
  ];
}
