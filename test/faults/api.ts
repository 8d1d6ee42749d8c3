import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from '../api-server/control.ts';
import type { Network } from '../api-server/door.ts';
import type { ApiServerOptions } from '../api-server/server.ts';
import type { Json } from '../conformance/objects.ts';
import type { Program } from '../netns/program.ts';
import type { Place, World } from '../netns/world.ts';

const main = join(import.meta.dirname, '../api-server/main.mts');
const tsx = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');

/** The scripted API server of test/api-server in a namespace of a world, steered from here. */
export class Api {
  readonly #program: Program;
  #heard = 0;
  readonly #answers: Json[] = [];
  #told = 0;
  #kubeconfig = '';
  #directory = '';

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(world: World, place: Place, options: ApiServerOptions = {}): Promise<Api> {
    const argv = [process.execPath, '--import', tsx, main, JSON.stringify(options)] as const;
    const api = new Api(world.start(place, argv));
    const { kubeconfig, directory } = await api.#answer(api.#told++);
    api.#kubeconfig = String(kubeconfig);
    api.#directory = String(directory);
    return api;
  }

  get kubeconfig(): string {
    return this.#kubeconfig;
  }

  async put(...objects: readonly Json[]): Promise<void> {
    if (objects.length > 0) await this.tell({ do: 'put', objects });
  }

  async remove(...objects: readonly Json[]): Promise<void> {
    if (objects.length > 0) await this.tell({ do: 'remove', objects });
  }

  /** How new connections are received; those that are there are reset. */
  async network(network: Network): Promise<void> {
    await this.tell({ do: 'network', network });
    if (network !== 'up') await this.tell({ do: 'cut' });
  }

  /** The process stands still, with all its connections. What it is told meanwhile it does afterwards. */
  async pause(): Promise<void> {
    await this.#program.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.#program.kill('SIGCONT');
  }

  /** @throws Error with what the server answers when it cannot do it. */
  async tell(command: Command): Promise<Json> {
    this.#program.write(`${JSON.stringify(command)}\n`);
    const answer = await this.#answer(this.#told++);
    if (answer['ok'] !== true) throw new Error(`the API server: ${String(answer['error'])}`);
    return answer;
  }

  async stop(): Promise<void> {
    await this.#program.stop('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #answer(number: number): Promise<Json> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      this.#hear();
      const answer = this.#answers[number];
      if (answer !== undefined) return answer;
      if (!this.#program.running || performance.now() > deadline)
        throw new Error(`the API server does not answer: ${this.#program.lines.slice(-10).join('\n')}`);
      await setTimeout(5);
    }
  }

  /** Lines that are no JSON are warnings of Node. */
  #hear(): void {
    const { lines } = this.#program;
    for (; this.#heard < lines.length; this.#heard++) {
      const line = lines[this.#heard] ?? '';
      if (line.startsWith('{"')) this.#answers.push(JSON.parse(line));
    }
  }
}
