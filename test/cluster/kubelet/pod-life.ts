import { setTimeout } from 'node:timers/promises';
import type { AddressPair } from '../../netns/addresses.ts';
import type { Api } from '../api.ts';
import type { ClusterNetwork } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import type { AddressPool } from './address-pool.ts';
import { Bell } from './bell.ts';
import type { Images } from './kubelet.ts';
import { keyOf, lingerMilliseconds, mayBeReady, type Pod } from './pod.ts';
import { type PodFacts, podStatus, type Running } from './pod-status.ts';
import { type Runtime, runtimeOf } from './runtime.ts';

/** What a Pod's life takes place in. */
export interface Surroundings {
  readonly api: Api;
  readonly network: ClusterNetwork;
  readonly images: Images;
  readonly pools: Readonly<Record<NodeName, AddressPool>>;
}

const probeEveryMilliseconds = 500;
const retryMilliseconds = 200;

/** One Pod on its node, from its binding to its end. */
export class PodLife {
  readonly node: NodeName;
  /** Resolves when nothing is left of it; never fails. */
  readonly over: Promise<void>;
  readonly #around: Surroundings;
  readonly #startedAt = now();
  /** Ended by whatever should not be waited for any more. */
  readonly #stop = new AbortController();
  #pod: Pod;
  /** Whether the API server has no such Pod any more. */
  #gone = false;
  #addresses: AddressPair | undefined;
  #runtime: Runtime | undefined;
  #running: Running = { phase: 'waiting', reason: 'ContainerCreating' };
  #crashed = false;
  #restarts = 0;
  #told = '';
  #changedAt = now();
  readonly #bell = new Bell();

  constructor(pod: Pod, node: NodeName, around: Surroundings) {
    this.#pod = pod;
    this.node = node;
    this.#around = around;
    this.over = this.#live();
  }

  get uid(): string {
    return this.#pod.metadata.uid;
  }

  get isRunning(): boolean {
    return this.#running.phase === 'running';
  }

  /** The Pod as it is now; undefined when it is gone. */
  hear(pod: Pod | undefined): void {
    if (pod === this.#pod || this.#gone) return;
    if (pod?.metadata.uid === this.uid) this.#pod = pod;
    else this.#gone = true;
    this.#bell.ring();
  }

  async crash(): Promise<void> {
    this.#crashed = true;
    await this.#runtime?.stop();
    this.#bell.ring();
  }

  async restart(): Promise<void> {
    await this.#runtime?.start();
    this.#crashed = false;
    this.#restarts += 1;
    this.#bell.ring();
  }

  /** Leaves everything as it is: the network goes as a whole. */
  abandon(): void {
    this.#stop.abort();
    this.#bell.ring();
  }

  async #live(): Promise<void> {
    try {
      await this.#begin().catch((error: unknown) => this.#fail(error));
      await this.#serveUntil(() => this.#gone || this.#pod.metadata.deletionTimestamp !== undefined);
      await this.#linger();
      await this.#end();
    } catch (error) {
      this.#say(error);
    }
  }

  async #begin(): Promise<void> {
    const { network, images, pools } = this.#around;
    const [place, node] = [keyOf(this.#pod), this.node];
    const addresses = this.#ownsAddresses ? pools[node].take() : this.#hostAddresses;
    await network.addPod({ place, node, addresses });
    this.#addresses = addresses;
    this.#runtime = runtimeOf(this.#pod, { place, node, network }, images);
    if (this.#runtime === undefined) this.#running = { phase: 'waiting', reason: 'ErrImagePull' };
    else await this.#runtime.start();
  }

  /** It stays as it is until somebody deletes it. */
  #fail(error: unknown): void {
    this.#say(error);
    this.#runtime = undefined;
    this.#running = { phase: 'waiting', reason: 'RunContainerError' };
  }

  #say(error: unknown): void {
    // What a network that is being closed says is no news.
    if (!this.#stop.signal.aborted) console.error(`${keyOf(this.#pod)}: ${String(error)}`);
  }

  /** Tells what is true again and again. */
  async #serveUntil(over: () => boolean, until = Number.POSITIVE_INFINITY): Promise<void> {
    while (!over() && performance.now() < until) {
      this.#stop.signal.throwIfAborted();
      await this.#look();
      const rest = (await this.#tell()) ? probeEveryMilliseconds : retryMilliseconds;
      await this.#bell.wait(Math.min(rest, until - performance.now()));
    }
  }

  async #look(): Promise<void> {
    const { phase } = this.#running;
    if (this.#runtime === undefined || phase === 'ended') return;
    const serves = !this.#crashed && (await this.#runtime.serves());
    // It is waited for in the beginning only.
    if (phase === 'running' || serves)
      this.#running = { phase: 'running', ready: serves && mayBeReady(this.#pod) };
  }

  /** Serves on for as long as `preStop` takes, unless it is gone by force. */
  async #linger(): Promise<void> {
    await this.#serveUntil(() => this.#gone, performance.now() + lingerMilliseconds(this.#pod));
  }

  async #end(): Promise<void> {
    const { api, network, pools } = this.#around;
    const { namespace, name, uid } = this.#pod.metadata;
    await this.#runtime?.stop();
    this.#running = { phase: 'ended' };
    await this.#persist(() => this.#tell());
    await network.removePod(keyOf(this.#pod));
    if (this.#addresses !== undefined && this.#ownsAddresses) pools[this.node].giveBack(this.#addresses);
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#persist(async () => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const answer = await api.request('DELETE', path, options).catch(() => undefined);
      return answer !== undefined && [200, 202, 404, 409].includes(answer.status);
    });
  }

  /** Until it has worked, or nobody wants it any more. */
  async #persist(attempt: () => Promise<boolean>): Promise<void> {
    while (!this.#gone && !(await attempt())) {
      await setTimeout(retryMilliseconds, undefined, { signal: this.#stop.signal });
    }
  }

  /** @returns whether the API server knows what is true. */
  async #tell(): Promise<boolean> {
    const facts: PodFacts = {
      running: this.#running,
      addresses: this.#addresses,
      hostAddresses: this.#hostAddresses,
      restarts: this.#restarts,
      startedAt: this.#startedAt,
    };
    const text = JSON.stringify(facts);
    if (this.#gone || text === this.#told) return true;
    this.#changedAt = now();
    const { namespace, name, uid } = this.#pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    // Another Pod of the same name is a conflict, and will be heard of; whatever else has changed meanwhile is none.
    const patch = { metadata: { uid }, status: podStatus(this.#pod, facts, this.#changedAt) };
    const answer = await this.#around.api.request('PATCH', path, patch).catch(() => undefined);
    if (answer?.status === 200) this.#told = text;
    if (answer?.status === 404) this.#gone = true;
    return answer?.status === 200 || this.#gone;
  }

  get #ownsAddresses(): boolean {
    return this.#pod.spec.hostNetwork !== true;
  }

  get #hostAddresses(): AddressPair {
    const { network } = this.#around;
    return { IPv4: network.address(this.node, 'IPv4'), IPv6: network.address(this.node, 'IPv6') };
  }
}

/** As the API writes times. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
