import { setTimeout } from 'node:timers/promises';
import type { Api } from '../api.ts';
import { type Backend, createMoving, pointAt } from './moving.ts';

const most = 20;
const pauseMilliseconds = 40;

/** Services that come and go and whose endpoints come and go, through the API server; all of it decided by `random`. */
export class Churn {
  readonly #api: Api;
  readonly #backends: readonly Backend[];
  readonly #random: () => number;
  readonly #there = new Set<string>();
  readonly #done: Promise<void>;
  #going = true;
  #changes = 0;

  constructor(api: Api, backends: readonly Backend[], random: () => number) {
    this.#api = api;
    this.#backends = backends;
    this.#random = random;
    this.#done = this.#go();
    this.#done.catch(() => undefined); // told by stop()
  }

  /** Ends it and removes its Services. @returns how many changes there were. @throws Error when the API server did not take one. */
  async stop(): Promise<number> {
    this.#going = false;
    await this.#done;
    for (const name of this.#there) await this.#api.remove({ kind: 'Service', name });
    return this.#changes;
  }

  async #go(): Promise<void> {
    while (this.#going) {
      await this.#change(`passing-${Math.floor(this.#random() * most)}`);
      this.#changes += 1;
      await setTimeout(this.#random() * 2 * pauseMilliseconds);
    }
  }

  async #change(name: string): Promise<void> {
    if (!this.#there.has(name)) {
      await createMoving(this.#api, name);
      this.#there.add(name);
    } else if (this.#random() < 0.2) {
      await this.#api.remove({ kind: 'Service', name });
      this.#there.delete(name);
      return;
    }
    await pointAt(
      this.#api,
      name,
      this.#backends.filter(() => this.#random() < 0.5),
    );
  }
}
