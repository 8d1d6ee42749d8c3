// What can be done at the places of any network of namespaces, whatever its links are.
import { type Exec, exec } from '../../src/kernel/exec.ts';
import { type Family, familyOf } from '../../src/model/address.ts';
import {
  Actor,
  type DialResult,
  type ListenSocket,
  type StreamCounts,
  type TrafficProtocol,
} from './actor.ts';
import type { AddressPair } from './addresses.ts';
import type { Holder } from './holder.ts';
import { Program } from './program.ts';

/** A node, a pod or the client by its name. */
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

interface Settled {
  /** Several places may share one. */
  readonly namespace: string;
  readonly addresses: AddressPair;
}

/** The places, each with the namespace it is in, and an actor in each namespace. */
export class Stage implements AsyncDisposable {
  protected readonly holder: Holder;
  readonly #places = new Map<Place, Settled>();
  readonly #actors = new Map<string, Actor>();
  #streams = 0;

  constructor(holder: Holder) {
    this.holder = holder;
  }

  /** The place's own address. */
  address(place: Place, family: Family): string {
    return this.#settled(place).addresses[family];
  }

  /** Words that, put before a command, run it where {@link Stage.exec} would. */
  enter(place: Place): readonly [string, ...string[]] {
    return this.holder.enter(this.namespace(place));
  }

  /** Runs programs in the place's network namespace, as root, with the world's own /run and /proc. The working directory is /. */
  exec(place: Place): Exec {
    const enter = this.enter(place);
    return (command) => exec({ ...command, argv: [...enter, ...command.argv] });
  }

  /** Starts a program that goes on until it is stopped, where {@link Stage.exec} would run it. */
  start(place: Place, argv: readonly [string, ...string[]]): Program {
    return new Program([...this.enter(place), ...argv]);
  }

  /** Where a file of the world is found from outside. Files under /run are the world's own and vanish with it. */
  path(inside: string): string {
    return this.holder.path(inside);
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

  async close(): Promise<void> {
    await Promise.all([this.holder.close(), ...[...this.#actors.values()].map((actor) => actor.close())]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** From now on there is the place, in a namespace that exists. */
  protected settle(place: Place, namespace: string, addresses: AddressPair): void {
    this.#places.set(place, { namespace, addresses });
    if (!this.#actors.has(namespace)) this.#actors.set(namespace, new Actor(this.holder.enter(namespace)));
  }

  /** From now on there is no such place; the actor ends with the last place of its namespace, and all its connections with it. */
  protected async leave(place: Place): Promise<void> {
    const { namespace } = this.#settled(place);
    this.#places.delete(place);
    if ([...this.#places.values()].some((each) => each.namespace === namespace)) return;
    const actor = this.#actors.get(namespace);
    this.#actors.delete(namespace);
    await actor?.close();
  }

  protected namespace(place: Place): string {
    return this.#settled(place).namespace;
  }

  #settled(place: Place): Settled {
    const settled = this.#places.get(place);
    if (!settled) throw new Error(`the world has no ${place}`);
    return settled;
  }

  #actor(place: Place): Actor {
    const actor = this.#actors.get(this.namespace(place));
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
