import type { Api } from '../api.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import { type NodeName, type NodePlan, nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { AddressPool } from './address-pool.ts';
import { Bell } from './bell.ts';
import type { Images, Kubelet } from './kubelet.ts';
import { Mirror } from './mirror.ts';
import { type Node, nodeObject } from './node-objects.ts';
import type { Pod } from './pod.ts';
import { PodLife, type Surroundings } from './pod-life.ts';
import { Scheduler } from './scheduler.ts';

const placeMilliseconds = 30_000;
/** What could not be bound is tried again so often. */
const rescheduleMilliseconds = 1000;

/** See {@link Kubelet}. */
export class StandIn implements Kubelet {
  readonly #around: Surroundings;
  readonly #pods: Mirror<Pod>;
  readonly #nodes: Mirror<Node>;
  readonly #scheduler: Scheduler;
  /** By `namespace/name`; one that is ending keeps its name until nothing is left of it. */
  readonly #lives = new Map<string, PodLife>();
  readonly #own = new Set<string>();
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(of: { readonly api: Api; readonly network: ClusterNetwork; readonly images: Images }) {
    this.#around = {
      ...of,
      pools: {
        'node-1': new AddressPool('node-1'),
        'node-2': new AddressPool('node-2'),
        'node-3': new AddressPool('node-3'),
      },
    };
    const changed = () => this.#bell.ring();
    this.#pods = new Mirror<Pod>(of.api, '/api/v1/pods', changed);
    this.#nodes = new Mirror<Node>(of.api, '/api/v1/nodes', changed);
    this.#scheduler = new Scheduler(of.api);
    const { signal } = this.#stop;
    this.#running = Promise.all([this.#pods.follow(signal), this.#nodes.follow(signal), this.#work(signal)]);
  }

  async place(namespace: string, pod: string): Promise<Place> {
    const key = `${namespace}/${pod}`;
    const what = () => `the Pod ${key} runs`;
    await until(what, placeMilliseconds, async () => this.#lives.get(key)?.isRunning ?? false);
    return key;
  }

  async addNode(plan: NodePlan): Promise<void> {
    const { api, network } = this.#around;
    await api.create(nodeObject(plan, network));
    this.#own.add(plan.name);
    // The API server taints new nodes; in other clusters the node lifecycle controller takes that away.
    await api.patch({ kind: 'Node', name: plan.name }, { spec: { taints: null } });
  }

  async removeNode(node: NodeName): Promise<void> {
    const { api } = this.#around;
    await api.remove({ kind: 'Node', name: node });
    this.#own.delete(node);
    const there = [...this.#pods.objects.values()].filter(({ spec }) => spec.nodeName === node);
    const now = { gracePeriodSeconds: 0 };
    await Promise.all(there.map(({ metadata }) => api.remove({ kind: 'Pod', ...metadata }, now)));
    const left = () => [...this.#lives].filter(([, life]) => life.node === node).map(([key]) => key);
    await until(
      () => `${node} has no Pods any more: ${left().join()}`,
      placeMilliseconds,
      async () => left().length === 0,
    );
  }

  crash(place: Place): Promise<void> {
    return this.#life(place).crash();
  }

  restart(place: Place): Promise<void> {
    return this.#life(place).restart();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#bell.ring();
    for (const life of this.#lives.values()) life.abandon();
    await this.#running;
    await Promise.all([...this.#lives.values()].map((life) => life.over));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #life(place: Place): PodLife {
    const life = this.#lives.get(place);
    if (life === undefined) throw new Error(`no Pod runs at ${place}`);
    return life;
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#scheduler.schedule(this.#pods.objects.values(), this.#nodes.objects.values());
      for (const [key, life] of this.#lives) life.hear(this.#pods.objects.get(key));
      for (const [key, pod] of this.#pods.objects) this.#begin(key, pod);
      await this.#bell.wait(rescheduleMilliseconds);
    }
  }

  #begin(key: string, pod: Pod): void {
    const node = nodeNames.find((name) => name === pod.spec.nodeName && this.#own.has(name));
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (node === undefined || over || this.#lives.has(key)) return;
    const life = new PodLife(pod, node, this.#around);
    this.#lives.set(key, life);
    void life.over.then(() => {
      this.#lives.delete(key);
      this.#bell.ring();
    });
  }
}
