import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Host } from '../../cluster/host.ts';
import type { Program } from '../../netns/program.ts';
import type { Answers, Order } from './orders.ts';

const tsx = join(import.meta.dirname, '../../../node_modules/tsx/dist/loader.mjs');

/** Connects to Services from a node, and tells when; see prober.mts. */
export class Prober {
  readonly #program: Program;
  #orders = 0;
  #read = 0;
  readonly #answers = new Map<number, string>();

  constructor(host: Host) {
    const main = join(import.meta.dirname, 'prober.mts');
    this.#program = host.start([process.execPath, '--import', tsx, main]);
  }

  /** @returns when one of the endpoints took a connection, in milliseconds since 1970; undefined: not in time. */
  async arrival(
    virtual: string,
    endpoints: readonly string[],
    milliseconds: number,
  ): Promise<number | undefined> {
    return (await this.#ask({ do: 'await', virtual, endpoints, milliseconds })).arrived;
  }

  firstPackets(virtual: string, packets: number): Promise<Answers['first-packets']> {
    return this.#ask({ do: 'first-packets', virtual, packets });
  }

  /** What an HTTP server of the node answers; empty when it does not. */
  async get(url: string): Promise<string> {
    return (await this.#ask({ do: 'get', url })).body ?? '';
  }

  async close(): Promise<void> {
    await this.#program.stop('SIGKILL');
  }

  /** Answers carry their own times, so it does not matter that they are read a little later. */
  async #ask<O extends Order>(order: O): Promise<Answers[O['do']]> {
    const id = ++this.#orders;
    this.#program.write(`${JSON.stringify({ ...order, id })}\n`);
    for (;;) {
      this.#readAnswers();
      const answer = this.#answers.get(id);
      this.#answers.delete(id);
      if (answer !== undefined) {
        const told: Answers[O['do']] = JSON.parse(answer);
        return told;
      }
      if (!this.#program.running) throw new Error(`the prober has ended: ${this.#program.lines.join('\n')}`);
      await setTimeout(3);
    }
  }

  #readAnswers(): void {
    const { lines } = this.#program;
    for (; this.#read < lines.length; this.#read++) {
      const line = lines[this.#read] ?? '';
      const id = /^\{"id":(\d+)/.exec(line)?.[1];
      if (id === undefined) throw new Error(`the prober says: ${lines.slice(this.#read).join('\n')}`);
      this.#answers.set(Number(id), line);
    }
  }
}
