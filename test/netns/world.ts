// A small cluster made of network namespaces: see topology.ts for its shape and addresses.ts for its addresses.

import { type Exec, exec } from '../../src/kernel/exec.ts';
import { type Family, familyOf } from '../../src/model/address.ts';
import {
  Actor,
  type DialResult,
  type ListenSocket,
  type StreamCounts,
  type TrafficProtocol,
} from './actor.ts';
import { clientAddress, type NodeName, nodeAddress, podAddresses } from './addresses.ts';
import { flushScript } from './flush.ts';
import { Holder } from './holder.ts';
import { Program } from './program.ts';
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

export interface WorldOptions {
  /** Names of node-a's pods; the first gets 10.244.1.11 and so on. Names are at most 10 characters. */
  readonly localPods?: readonly string[];
  /** Names of node-b's pods; the first gets 10.244.2.11 and so on. */
  readonly remotePods?: readonly string[];
  /** Instead of both: see {@link planPod}. */
  readonly pods?: readonly Pod[];
  readonly links?: PodLinks;
}

/** `node-a`, `node-b`, `client` or a pod's name. */
export type Place = string;

export interface Servers {
  readonly protocols?: readonly TrafficProtocol[];
  readonly ports: readonly number[];
  /** Addresses of the place; all of its own when undefined. */
  readonly addresses?: readonly string[];
}

export interface Dial {
  /** TCP when undefined. */
  readonly protocol?: TrafficProtocol;
  readonly to: string;
  readonly port: number;
  /** Source addresses, taken in turn; the place's own when undefined. The client may use any of its network. */
  readonly sources?: readonly string[];
  /** How long an answer is awaited; 5 seconds when undefined. */
  readonly timeoutMilliseconds?: number;
  /** New connections; 1 when undefined. */
  readonly count?: number;
  /** How many of them at a time; 16 when undefined. */
  readonly concurrency?: number;
}

export interface Traffic extends Dial {
  /** Between two new connections; 10 when undefined. */
  readonly everyMilliseconds?: number;
  /** Long TCP connections besides; none when undefined. */
  readonly kept?: number;
}

/** Traffic that runs until it is stopped. */
export interface RunningTraffic {
  count(): Promise<StreamCounts>;
  stop(): Promise<StreamCounts>;
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

export class World implements AsyncDisposable {
  readonly #holder: Holder;
  readonly #links: PodLinks;
  readonly #pods = new Map<string, Pod>();
  readonly #actors = new Map<string, Actor>();
  #streams = 0;

  /** Use {@link createWorld}. */
  constructor(holder: Holder, links: PodLinks, pods: readonly Pod[]) {
    this.#holder = holder;
    this.#links = links;
    for (const namespace of ['node-a', 'node-b', 'client']) this.#startActor(namespace);
    for (const each of pods) this.#adopt(each);
  }

  /** The place's own address. */
  address(place: Place, family: Family): string {
    const known = this.#pods.get(place);
    if (known) return known.addresses[family];
    if (place === 'node-a' || place === 'node-b') return nodeAddress(place, family);
    if (place === 'client') return clientAddress[family];
    throw new Error(`the world has no ${place}`);
  }

  /** Names of the pods that are there now. */
  get pods(): readonly string[] {
    return [...this.#pods.keys()];
  }

  /** Runs programs in the place's network namespace, as root, with the world's own /run and /proc. The working directory is /. */
  exec(place: Place): Exec {
    const enter = this.#holder.enter(this.#namespace(place));
    return (command) => exec({ ...command, argv: [...enter, ...command.argv] });
  }

  /** Starts a program that goes on until it is stopped, where {@link World.exec} would run it. */
  start(place: Place, argv: readonly [string, ...string[]]): Program {
    return new Program([...this.#holder.enter(this.#namespace(place)), ...argv]);
  }

  /** Where a file of the world is found from outside. Files under /run are the world's own and vanish with it. */
  path(inside: string): string {
    return this.#holder.path(inside);
  }

  /** Starts echo servers, in both families; those that run already stay. */
  async listen(place: Place, servers: Servers): Promise<void> {
    await this.#actor(place).listen(this.#sockets(place, servers));
  }

  /** Ends servers and the connections they have. */
  async closeServers(place: Place, servers: Servers): Promise<void> {
    await this.#actor(place).closeServers(this.#sockets(place, servers));
  }

  /** Real connections; the results come in the order of the dials. */
  async dial(place: Place, dial: Dial): Promise<readonly DialResult[]> {
    const { count = 1, concurrency = 16 } = dial;
    return this.#actor(place).dial({ ...this.#target(place, dial), count, concurrency });
  }

  async startTraffic(place: Place, traffic: Traffic): Promise<RunningTraffic> {
    const { everyMilliseconds = 10, kept = 0 } = traffic;
    const actor = this.#actor(place);
    const number = ++this.#streams;
    await actor.startStream({ ...this.#target(place, traffic), number, everyMilliseconds, kept });
    return { count: () => actor.countStream(number), stop: () => actor.stopStream(number) };
  }

  /** Starts a pod: see {@link planPod}. */
  async addPod(added: Pod): Promise<void> {
    await this.#holder.script(podsScript([added], this.#links));
    this.#adopt(added);
  }

  async removePod(name: string): Promise<void> {
    const removed = this.#pods.get(name);
    if (!removed) throw new Error(`the world has no pod ${name}`);
    if (removed.node === 'node-a') await this.#actors.get(name)?.close();
    await this.#holder.script(removePodScript(removed));
    this.#pods.delete(name);
    if (removed.node === 'node-a') this.#actors.delete(name);
  }

  /** A further address for a place, reachable from everywhere. */
  async addAddress(place: Place, address: string): Promise<void> {
    await this.#holder.script(addressScript('add', this.#namespace(place), address, this.#links));
  }

  async removeAddress(place: Place, address: string): Promise<void> {
    await this.#holder.script(addressScript('del', this.#namespace(place), address, this.#links));
  }

  /** Removes all rules of both iptables variants and of nftables, and all connections that are tracked. */
  async flush(place: Place = 'node-a'): Promise<void> {
    await this.#holder.script(flushScript(this.#namespace(place)));
  }

  /** Forgets the connections that are tracked, not the rules. */
  async forgetConnections(place: Place = 'node-a'): Promise<void> {
    await this.#holder.script(`nsenter --net=/run/netns/${this.#namespace(place)} conntrack -F 2>/dev/null`);
  }

  /** What node-a has sent on unchanged to addresses of nobody, since the world began or {@link World.forgetEscaped}. */
  async escaped(): Promise<readonly EscapedPacket[]> {
    const text = await this.#holder.script(listEscapedScript);
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
    await this.#holder.script(forgetEscapedScript);
  }

  /** All addresses that links have at the moment, by namespace. */
  async linkAddresses(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const found = new Map<string, Set<string>>();
    for (const line of (await this.#holder.script(listAddressesScript)).split('\n')) {
      const [namespace = '', address = ''] = line.split(/[ /]/);
      found.set(namespace, (found.get(namespace) ?? new Set()).add(address));
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all([this.#holder.close(), ...[...this.#actors.values()].map((actor) => actor.close())]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #adopt(pod: Pod): void {
    this.#pods.set(pod.name, pod);
    if (pod.node === 'node-a') this.#startActor(pod.name);
  }

  #startActor(namespace: string): void {
    this.#actors.set(namespace, new Actor(this.#holder.enter(namespace)));
  }

  #namespace(place: Place): string {
    const namespace = this.#pods.get(place)?.node === 'node-b' ? 'node-b' : place;
    if (!this.#actors.has(namespace)) throw new Error(`the world has no ${place}`);
    return namespace;
  }

  #actor(place: Place): Actor {
    const actor = this.#actors.get(this.#namespace(place));
    if (!actor) throw new Error(`the world has no ${place}`);
    return actor;
  }

  #sockets(place: Place, { protocols = ['TCP', 'UDP'], ports, addresses }: Servers): readonly ListenSocket[] {
    const own = addresses ?? [this.address(place, 'IPv4'), this.address(place, 'IPv6')];
    return own.flatMap((address) =>
      protocols.flatMap((protocol) => ports.map((port) => ({ name: place, protocol, address, port }))),
    );
  }

  #target(place: Place, { protocol = 'TCP', to, port, sources, timeoutMilliseconds = 5000 }: Dial) {
    const own = [isLoopback(to) ? to : this.address(place, familyOf(to))];
    return { protocol, to, port, sources: sources ?? own, timeoutMilliseconds };
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
