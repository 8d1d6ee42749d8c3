import { families } from '../../../src/model/address.ts';
import type { Agent } from '../agent.ts';
import { type Cluster, startCluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import { until } from '../until.ts';
import { type Backend, pointAt } from './moving.ts';
import { clusterIPs, createObjects, runningPods, targetOf } from './objects.ts';
import { ConstantTraffic, type Target } from './traffic.ts';

const startedMilliseconds = 60_000;
/** Whoever has waited 30 s between attempts may wait up to a minute the next time. */
const convergedMilliseconds = 120_000;
/** Short, since a look that ends late counts as late; whoever was not answered is asked again. */
const dialMilliseconds = 1000;

/** Milliseconds until packets of all nodes showed it, and until `nodeplane diff` found nothing on any node. */
export interface Converged {
  readonly packets: number;
  readonly diff?: number;
}

/**
 * A cluster with a Service `steady` that no fault may touch, behind which a Pod runs on each node, and a Service `moving` whose endpoints
 * change: when packets of a Pod on each node find what it was pointed at last, the cluster has converged.
 */
export class FaultBed implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly target: Target;
  /** A Pod on each node that only sends. */
  readonly #clients: Map<string, Place>;
  #backends: readonly Backend[];
  #turn = 0;
  /** Where `moving` was pointed last. */
  #place: Place = '';

  private constructor(
    cluster: Cluster,
    target: Target,
    backends: readonly Backend[],
    senders: readonly Backend[],
  ) {
    this.cluster = cluster;
    this.target = target;
    this.#backends = backends;
    this.#clients = new Map(senders.map(({ node, place }) => [node, place]));
  }

  static async open(): Promise<FaultBed> {
    const cluster = await startCluster();
    try {
      await createObjects(cluster);
      const [backends, senders] = [
        await runningPods(cluster, 'steady'),
        await runningPods(cluster, 'sender'),
      ];
      const bed = new FaultBed(cluster, await targetOf(cluster, 'steady'), backends, senders);
      await bed.changed();
      await bed.settled();
      return bed;
    } catch (error) {
      console.error(cluster.lastWords());
      await cluster.close();
      throw error;
    }
  }

  /** From a Pod of each node, from each node, and from outside; of the given nodes only. */
  traffic(nodes: readonly NodeName[] = this.nodes): Promise<ConstantTraffic> {
    const pods = nodes.map((node) => this.client(node));
    return ConstantTraffic.start(this.cluster.network, { pods, nodes }, this.target);
  }

  /** The Pods behind `steady` that `moving` may be pointed at; at first one on each node. */
  get backends(): readonly Backend[] {
    return this.#backends;
  }

  /** These are about to end. */
  leave(places: readonly Place[]): void {
    this.#backends = this.#backends.filter(({ place }) => !places.includes(place));
  }

  /** Nodes whose agents run. */
  get nodes(): readonly NodeName[] {
    return [...this.cluster.agents.keys()];
  }

  agent(node: NodeName): Agent {
    const agent = this.cluster.agents.get(node);
    if (agent === undefined) throw new Error(`no agent on ${node}`);
    return agent;
  }

  /** Other processes, which have not learned from an earlier fault to wait long between attempts. */
  async freshAgents(): Promise<void> {
    for (const node of this.nodes) {
      await this.agent(node).process.stop('SIGTERM');
      this.agent(node).process.start();
      await this.untilHealthy(node);
    }
    await this.changed();
  }

  untilHealthy(node: NodeName): Promise<void> {
    return until(
      () => `the agent on ${node} is healthy`,
      startedMilliseconds,
      async () =>
        (
          await this.agent(node)
            .health('/healthz')
            .catch(() => undefined)
        )?.status === 200,
    );
  }

  client(node: NodeName): Place {
    const place = this.#clients.get(node);
    if (place === undefined) throw new Error(`no Pod that sends on ${node}`);
    return place;
  }

  /** After a node has come back, with other Pods. */
  async findClients(): Promise<void> {
    for (const { node, place } of await runningPods(this.cluster, 'sender')) this.#clients.set(node, place);
  }

  /** Points `moving` somewhere else, in turn. */
  async change(): Promise<void> {
    const backend = this.backends[++this.#turn % this.backends.length];
    if (backend === undefined) throw new Error('nobody to point at');
    await pointAt(this.cluster.api, 'moving', [backend]);
    this.#place = backend.place;
  }

  /** Until packets of the nodes go where `moving` was pointed last. @returns milliseconds since then. */
  async untilPackets(nodes: readonly NodeName[], since: number): Promise<number> {
    await Promise.all(nodes.map((node) => this.#untilServed(node)));
    return performance.now() - since;
  }

  /**
   * The same, and until `nodeplane diff` finds nothing on any of them.
   * @param since when the clock began; now when undefined.
   */
  async untilConverged(since = performance.now(), nodes = this.nodes): Promise<Converged> {
    const packets = await this.untilPackets(nodes, since);
    await Promise.all(nodes.map((node) => this.#untilNoDifference(node)));
    return { packets, diff: performance.now() - since };
  }

  /** Changes `moving` and waits for that. */
  async changed(since?: number): Promise<Converged> {
    await this.change();
    return this.untilConverged(since);
  }

  /** Until all traffic is answered for some seconds: the cloud has found its nodes healthy. */
  async settled(): Promise<void> {
    let last: readonly string[] = [];
    const what = () => `all ways work:\n${last.join('\n')}`;
    await until(what, startedMilliseconds, async () => {
      const traffic = await this.traffic();
      const { failed, broken } = await traffic.stop();
      last = [...failed, ...broken.map(({ words }) => words)];
      return last.length === 0;
    });
  }

  async #untilServed(node: NodeName): Promise<void> {
    const ips = await clusterIPs(this.cluster, 'moving');
    let last = '';
    const what = () => `${node}: moving is served by ${last} instead of ${this.#place}`;
    await until(what, convergedMilliseconds, async () => {
      last = (await Promise.all(families.map((family) => this.#answers(node, ips[family])))).join();
      return last === `${this.#place},${this.#place}`;
    });
  }

  async #answers(node: NodeName, to: string): Promise<string> {
    const dial = { to, port: 80, count: 4, timeoutMilliseconds: dialMilliseconds };
    const dials = await Promise.all(
      (['TCP', 'UDP'] as const).map((protocol) =>
        this.cluster.network.dial(this.client(node), { ...dial, protocol }),
      ),
    );
    const seen = dials.flat().map((each) => (each.outcome === 'answered' ? each.server : each.outcome));
    return [...new Set(seen)].sort().join('+');
  }

  async #untilNoDifference(node: NodeName): Promise<void> {
    let last = '';
    await until(
      () => `${node}: diff: ${last}`,
      convergedMilliseconds,
      async () => {
        const { exitCode, stdout, stderr } = await this.agent(node).diff();
        last = `${exitCode} ${stdout} ${stderr}`;
        return exitCode === 0;
      },
    );
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
