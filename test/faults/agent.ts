import type { CommandResult } from '../../src/kernel/exec.ts';
import { bundle, nodeplane } from '../cli/nodeplane.ts';
import { type Answer, ask, createBridge } from '../cluster/bridge.ts';
import { Component } from '../cluster/component.ts';
import { hostOf } from '../cluster/host.ts';
import type { Program } from '../netns/program.ts';
import type { World } from '../netns/world.ts';

/** One entry of the agent's log. */
export type Entry = Readonly<Record<string, unknown>>;

export interface AgentOptions {
  /** Of `run` and of `diff`. */
  readonly flags: readonly string[];
  /** Of `run` alone. */
  readonly runFlags?: readonly string[];
  /** Options of Node. */
  readonly node?: readonly string[];
  /** Words before the command: `env PATH=…`. */
  readonly before?: readonly string[];
}

const doors = { health: '/run/health.sock', metrics: '/run/metrics.sock' };

/** The bundled agent on node-a, in as many lives as a test gives it. */
export class Agent {
  readonly #world: World;
  readonly #flags: readonly string[];
  readonly #process: Component;
  readonly #bridge: Component;
  #program: Program | undefined;

  constructor(world: World, { flags, runFlags = [], before = [], node = [] }: AgentOptions) {
    this.#world = world;
    this.#flags = flags;
    const argv = ['env', ...before, process.execPath, ...node, bundle, 'run', ...flags, ...runFlags] as const;
    this.#process = new Component('nodeplane', () => {
      this.#program = world.start('node-a', [...argv]);
      return this.#program;
    });
    this.#bridge = createBridge(hostOf(world, 'node-a'), {
      [doors.health]: '127.0.0.1:10256',
      [doors.metrics]: '127.0.0.1:10249',
    });
    this.#bridge.start();
  }

  get running(): boolean {
    return this.#process.running;
  }

  start(): void {
    this.#process.start();
  }

  stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') {
    return this.#process.stop(signal);
  }

  pid(): Promise<number | undefined> {
    return this.#program?.pid() ?? Promise.resolve(undefined);
  }

  /** All that it has printed in all its lives. */
  get lines(): readonly string[] {
    return this.#process.lines;
  }

  /** What it has printed since it was started last. */
  get freshLines(): readonly string[] {
    return this.#program?.lines ?? [];
  }

  /** Entries of the log since the last start whose text has the words. */
  entries(words: string): readonly Entry[] {
    return this.freshLines
      .filter((line) => line.startsWith('{') && line.includes(words))
      .map((line): Entry => JSON.parse(line));
  }

  /** `/healthz` or `/livez`; status 0 while nobody answers. */
  async health(path: '/healthz' | '/livez'): Promise<Answer> {
    return ask(this.#world.path(doors.health), path).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }));
  }

  /** A page of the metrics address. */
  async page(path: string): Promise<string> {
    return (await ask(this.#world.path(doors.metrics), path)).body;
  }

  /** Sum of a metric's samples, of those only whose labels have the words; NaN while nobody answers. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const text = await this.page('/metrics').catch(() => undefined);
    return text === undefined ? Number.NaN : sumOf(text, name, labels);
  }

  /** `nodeplane diff` by the same flags: exit code 0 when the kernel holds what is wanted. */
  diff(): Promise<CommandResult> {
    return nodeplane(this.#world.exec('node-a'), 'diff', ...this.#flags);
  }

  async close(): Promise<void> {
    await Promise.all([this.#process.stop('SIGKILL'), this.#bridge.stop('SIGKILL')]);
  }
}

export function sumOf(text: string, name: string, labels: readonly string[] = []): number {
  const samples = text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'));
  let sum = 0;
  for (const [, found = '', value] of samples)
    if (labels.every((label) => found.includes(label))) sum += Number(value);
  return sum;
}
