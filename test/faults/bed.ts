import type { CommandResult } from '../../src/kernel/exec.ts';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import { families } from '../../src/model/address.ts';
import type { ApiServerOptions } from '../api-server/server.ts';
import { type Json, node as nodeObject } from '../conformance/objects.ts';
import type { TrafficProtocol } from '../netns/actor.ts';
import { createWorld, type Place, type World } from '../netns/world.ts';
import { Agent } from './agent.ts';
import { Api } from './api.ts';
import { at } from './objects.ts';

export interface BedOptions {
  readonly variant?: IptablesVariant;
  readonly api?: ApiServerOptions;
  /** What the API server holds before the agent comes. */
  readonly objects?: readonly Json[];
  /** More flags of the agent, which `diff` knows too. */
  readonly flags?: readonly string[];
  /** More flags of `run` alone: kube-proxy's. */
  readonly runFlags?: readonly string[];
  /** Options of the agent's Node. */
  readonly node?: readonly string[];
  /** Words before the agent's command: `PATH=…`. */
  readonly before?: readonly string[];
  /** False: without --cluster-cidr. */
  readonly clusterCidr?: boolean;
}

/** A world with the pods' servers running, an API server on node-a, and an agent that is yet to be started. */
export class Bed implements AsyncDisposable {
  readonly world: World;
  readonly api: Api;
  readonly agent: Agent;
  readonly variant: IptablesVariant;

  private constructor(world: World, api: Api, agent: Agent, variant: IptablesVariant) {
    this.world = world;
    this.api = api;
    this.agent = agent;
    this.variant = variant;
  }

  static async open(options: BedOptions = {}): Promise<Bed> {
    const {
      variant = 'nft',
      objects = [],
      flags = [],
      runFlags = [],
      before = [],
      node = [],
      clusterCidr = true,
    } = options;
    const world = await createWorld();
    try {
      const pods = world.pods.map((pod) => world.listen(pod, { ports: [8080] }));
      const [api] = await Promise.all([Api.start(world, 'node-a', options.api), ...pods]);
      await api.put(nodeA(), ...objects);
      const networks = families.map((family) => at[family].clusterNetwork).join();
      const cluster = clusterCidr ? ['--cluster-cidr', networks] : [];
      const source = ['--kubeconfig', api.kubeconfig, '--node', 'node-a', ...cluster];
      const all = [...source, '--iptables-variant', variant, ...flags];
      return new Bed(world, api, new Agent(world, { flags: all, runFlags, before, node }), variant);
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** Who answers connections to a ClusterIP, or what becomes of them: each once, sorted. */
  async answers(vip: number, how: Asking = {}): Promise<string> {
    const { family = 'IPv4', protocol = 'TCP', from = 'client', count = 24, to, port = 80 } = how;
    const dials = await this.world.dial(from, {
      protocol,
      to: to ?? at[family].vip(vip),
      port,
      count,
      concurrency: count,
      timeoutMilliseconds: how.timeoutMilliseconds ?? 2500,
    });
    const seen = new Set(dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome)));
    return [...seen].sort().join();
  }

  /** @returns milliseconds that it took. */
  async untilServed(
    vip: number,
    pods: readonly string[],
    milliseconds = 20_000,
    how: Asking = {},
  ): Promise<number> {
    let last = '';
    const what = () => `service ${vip} answered by ${last}, expected ${pods.join()}${this.tail()}`;
    return until(what, milliseconds, async () => {
      last = await this.answers(vip, how);
      return last === pods.join();
    });
  }

  /** Until a fresh look at the source finds nothing to change in the kernel. @returns milliseconds that it took. */
  async untilConverged(milliseconds = 20_000): Promise<number> {
    let last: CommandResult | undefined;
    const what = () => `diff: ${last?.exitCode} ${last?.stdout} ${last?.stderr}${this.tail()}`;
    return until(what, milliseconds, async () => {
      last = await this.agent.diff();
      return last.exitCode === 0;
    });
  }

  /** Until the log of this life has an entry with the words. */
  untilLogged(words: string, milliseconds = 20_000, count = 1): Promise<number> {
    const what = () => `${count} entries with "${words}"${this.tail()}`;
    return until(what, milliseconds, async () => this.agent.entries(words).length >= count);
  }

  /** Until the first sync of this life has gone through. */
  async start(milliseconds = 30_000): Promise<void> {
    this.agent.start();
    const what = () => `the first sync of both families${this.tail()}`;
    await until(what, milliseconds, async () =>
      (
        await Promise.all(
          families.map((family) =>
            this.agent.metric('kubeproxy_sync_proxy_rules_last_timestamp_seconds', family),
          ),
        )
      ).every((stamp) => stamp > 0),
    );
  }

  /** Runs a program in the namespace of node-a. */
  run(...argv: readonly [string, ...string[]]): Promise<CommandResult> {
    return this.world.exec('node-a')({ argv, timeoutMilliseconds: 20_000 });
  }

  /** The end of the agent's log. */
  tail(): string {
    return `\n${this.agent.lines.slice(-25).join('\n')}`;
  }

  async close(): Promise<void> {
    await this.agent.close();
    await this.api.stop();
    await this.world.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export interface Asking {
  readonly family?: 'IPv4' | 'IPv6';
  readonly protocol?: TrafficProtocol;
  readonly from?: Place;
  readonly count?: number;
  /** Another address than the ClusterIP. */
  readonly to?: string;
  readonly port?: number;
  readonly timeoutMilliseconds?: number;
}

export const variants: readonly IptablesVariant[] = ['legacy', 'nft'];

export function nodeA(more: Partial<Parameters<typeof nodeObject>[0]> = {}): Json {
  return nodeObject({ name: 'node-a', addresses: families.map((family) => at[family].node), ...more });
}

/**
 * Asks until the answer is yes. @returns milliseconds that it took.
 * @throws Error that tells what did not come in time.
 */
export async function until(
  what: () => string,
  milliseconds: number,
  done: () => Promise<boolean>,
): Promise<number> {
  const began = performance.now();
  while (!(await done())) {
    if (performance.now() - began > milliseconds)
      throw new Error(`not within ${milliseconds / 1000} s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return performance.now() - began;
}

/** A figure for the reader of the test's output. */
export function tell(what: string, figures: object): void {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}
