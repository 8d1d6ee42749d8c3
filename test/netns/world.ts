// A small cluster made of network namespaces: see topology.ts for its shape and addresses.ts for its addresses.
import type { TrafficProtocol } from './actor.ts';
import { clientAddress, type NodeName, nodeAddress, podAddresses } from './addresses.ts';
import { flushScript } from './flush.ts';
import { Holder } from './holder.ts';
import { type Place, Stage } from './stage.ts';
import {
  addressScript,
  baseScript,
  forgetEscapedScript,
  listAddressesScript,
  listEscapedScript,
  type Pod,
  type PodLinks,
  podsScript,
  removePodScript,
} from './topology.ts';

export type { Dial, Place, RunningTraffic } from './stage.ts';

export interface WorldOptions {
  /** Names of node-a's pods; the first gets 10.244.1.11 and so on. Names are at most 10 characters. */
  readonly localPods?: readonly string[];
  /** Names of node-b's pods; the first gets 10.244.2.11 and so on. */
  readonly remotePods?: readonly string[];
  /** Instead of both: see {@link planPod}. */
  readonly pods?: readonly Pod[];
  readonly links?: PodLinks;
}

/** A packet that node-a sent on unchanged, to an address of nobody. */
export interface EscapedPacket {
  readonly source: string;
  readonly to: string;
  readonly protocol: TrafficProtocol;
  readonly port: number;
}

/** A pod with the addresses of its index: those of the first, index 0, end with 11. */
export function planPod(name: string, node: NodeName, index: number): Pod {
  return { name, node, addresses: podAddresses(node, index) };
}

/** Makes a world. Whoever makes it closes it (`await using`); should its process die first, the world is gone as well. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const links = options.links ?? 'routed';
  const pods = options.pods ?? [
    ...(options.localPods ?? ['p1', 'p2', 'p3']).map((name, index) => planPod(name, 'node-a', index)),
    ...(options.remotePods ?? ['r1', 'r2', 'r3']).map((name, index) => planPod(name, 'node-b', index)),
  ];
  const holder = await Holder.start();
  try {
    await holder.script(`${baseScript(links)}\n${podsScript(pods, links)}`);
    return new World(holder, links, pods);
  } catch (error) {
    await holder.close();
    throw error;
  }
}

/** Its places are `node-a`, `node-b`, `client` and the pods by their names. */
export class World extends Stage {
  readonly #links: PodLinks;
  readonly #pods = new Map<string, Pod>();

  /** Use {@link createWorld}. */
  constructor(holder: Holder, links: PodLinks, pods: readonly Pod[]) {
    super(holder);
    this.#links = links;
    for (const node of ['node-a', 'node-b'] as const) {
      this.settle(node, node, { IPv4: nodeAddress(node, 'IPv4'), IPv6: nodeAddress(node, 'IPv6') });
    }
    this.settle('client', 'client', clientAddress);
    for (const each of pods) this.#adopt(each);
  }

  /** Names of the pods that are there now. */
  get pods(): readonly string[] {
    return [...this.#pods.keys()];
  }

  /** Starts a pod: see {@link planPod}. */
  async addPod(added: Pod): Promise<void> {
    await this.holder.script(podsScript([added], this.#links));
    this.#adopt(added);
  }

  async removePod(name: string): Promise<void> {
    const removed = this.#pods.get(name);
    if (!removed) throw new Error(`the world has no pod ${name}`);
    await this.leave(name);
    this.#pods.delete(name);
    await this.holder.script(removePodScript(removed));
  }

  /** A further address for a place, reachable from everywhere. */
  async addAddress(place: Place, address: string): Promise<void> {
    await this.holder.script(addressScript('add', this.namespace(place), address, this.#links));
  }

  async removeAddress(place: Place, address: string): Promise<void> {
    await this.holder.script(addressScript('del', this.namespace(place), address, this.#links));
  }

  /** Removes all rules of both iptables variants and of nftables, and all connections that are tracked. */
  async flush(place: Place = 'node-a'): Promise<void> {
    await this.holder.script(flushScript(this.namespace(place)));
  }

  /** Forgets the connections that are tracked, not the rules. */
  async forgetConnections(place: Place = 'node-a'): Promise<void> {
    await this.holder.script(`nsenter --net=/run/netns/${this.namespace(place)} conntrack -F 2>/dev/null`);
  }

  /** What node-a has sent on unchanged to addresses of nobody, since the world began or {@link World.forgetEscaped}. */
  async escaped(): Promise<readonly EscapedPacket[]> {
    const text = await this.holder.script(listEscapedScript);
    return [...text.matchAll(/([\da-f.:]+) \. ([\da-f.:]+) \. (tcp|udp) \. (\d+)/g)].map(
      ([, source = '', to = '', protocol, port]) => ({
        source,
        to,
        protocol: protocol === 'tcp' ? 'TCP' : 'UDP',
        port: Number(port),
      }),
    );
  }

  async forgetEscaped(): Promise<void> {
    await this.holder.script(forgetEscapedScript);
  }

  /** All addresses that links have at the moment, by namespace. */
  async linkAddresses(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const found = new Map<string, Set<string>>();
    for (const line of (await this.holder.script(listAddressesScript)).split('\n')) {
      const [namespace = '', address = ''] = line.split(/[ /]/);
      found.set(namespace, (found.get(namespace) ?? new Set()).add(address));
    }
    return found;
  }

  #adopt(pod: Pod): void {
    this.#pods.set(pod.name, pod);
    this.settle(pod.name, pod.node === 'node-a' ? pod.name : 'node-b', pod.addresses);
  }
}
