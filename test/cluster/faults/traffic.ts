import { setTimeout } from 'node:timers/promises';
import { families } from '../../../src/model/address.ts';
import type { StreamCounts } from '../../netns/actor.ts';
import type { RunningTraffic, Traffic } from '../../netns/stage.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';

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

interface Stream {
  readonly words: string;
  readonly running: RunningTraffic;
}

const everyMilliseconds = 100;
const leastMilliseconds = 5000;
/** A first packet that was lost is sent again after 1, 3 and 7 seconds. */
const timeoutMilliseconds = 10_000;

/** New connections from Pods on every node, from nodes themselves and from outside, and a long one beside each; in both families. */
export class ConstantTraffic {
  readonly #streams: readonly Stream[];
  readonly #began = performance.now();

  private constructor(streams: readonly Stream[]) {
    this.#streams = streams;
  }

  static async start(network: ClusterNetwork, senders: Senders, target: Target): Promise<ConstantTraffic> {
    const ways = waysTo(network, senders, target);
    const begin = async ({ from, ...traffic }: Way): Promise<Stream> => {
      const running = await network.startTraffic(from, {
        ...traffic,
        everyMilliseconds,
        timeoutMilliseconds,
      });
      return { words: `${from} → ${traffic.to}:${traffic.port} ${traffic.protocol}`, running };
    };
    return new ConstantTraffic(await Promise.all(ways.map(begin)));
  }

  /** So far. */
  count(): Promise<Tally> {
    return this.#tally(({ running }) => running.count());
  }

  /** Ends it, after some seconds at least, and waits for what is under way. */
  async stop(): Promise<Tally> {
    await setTimeout(Math.max(0, leastMilliseconds - (performance.now() - this.#began)));
    return this.#tally(({ running }) => running.stop());
  }

  async #tally(ask: (stream: Stream) => Promise<StreamCounts>): Promise<Tally> {
    const all = await Promise.all(
      this.#streams.map(async (stream) => ({ words: stream.words, counts: await ask(stream) })),
    );
    return {
      answered: sum(all.flatMap(({ counts }) => Object.values(counts.answered))),
      failed: all.flatMap(({ words, counts }) =>
        counts.failed.map((each) => `${words}: ${JSON.stringify(each)}`),
      ),
      broken: all.flatMap(({ words, counts }) =>
        counts.kept.flatMap(({ server, broken }) =>
          broken === '' ? [] : [{ server, words: `${words}: ${broken} by ${server}` }],
        ),
      ),
      exchanges: sum(all.flatMap(({ counts }) => counts.kept.map(({ exchanges }) => exchanges))),
    };
  }
}

type Way = Traffic & { readonly from: Place; readonly protocol: 'TCP' | 'UDP' };

function waysTo(network: ClusterNetwork, { pods, nodes }: Senders, target: Target): readonly Way[] {
  const { clusterIPs, ingress, nodePort } = target;
  const tcp = (from: Place, to: string, port = 80): Way => ({ from, to, port, protocol: 'TCP', kept: 1 });
  const udp = (from: Place, to: string): Way => ({ from, to, port: 80, protocol: 'UDP' });
  return [
    ...pods.flatMap((pod) => clusterIPs.flatMap((to) => [tcp(pod, to), udp(pod, to)])),
    ...nodes.flatMap((node) => clusterIPs.map((to) => tcp(node, to))),
    ...nodes.flatMap((node) =>
      families.map((family) => tcp('client', network.address(node, family), nodePort)),
    ),
    ...ingress.flatMap((to) => [tcp('client', to), udp('client', to)]),
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
