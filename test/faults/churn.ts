import { createRandom } from '../api-server/cluster.ts';
import type { Json } from '../conformance/objects.ts';
import type { PodName } from '../conformance/places.ts';
import type { Api } from './api.ts';
import { dual, slices } from './objects.ts';

/** Services that come and go, and whose endpoints come and go; all of it decided by a seed. */
export class Churn {
  readonly #api: Api;
  readonly #random: () => number;
  readonly #moving: readonly { readonly name: string; readonly vip: number; readonly stays: PodName }[];
  readonly #there = new Set<number>();
  readonly #pause: number;
  #going = true;
  #changes = 0;
  readonly #done: Promise<void>;

  /** @param moving Services that keep one endpoint while others come and go. */
  constructor(
    api: Api,
    {
      seed,
      moving = [],
      pauseMilliseconds = 15,
    }: {
      readonly seed: number;
      readonly moving?: readonly { readonly name: string; readonly vip: number; readonly stays: PodName }[];
      readonly pauseMilliseconds?: number;
    },
  ) {
    this.#api = api;
    this.#random = createRandom(seed);
    this.#moving = moving;
    this.#pause = pauseMilliseconds;
    this.#done = this.#go();
    this.#done.catch(() => undefined); // told by stop()
  }

  get changes(): number {
    return this.#changes;
  }

  /** Objects of what has come and not gone. */
  leftovers(): readonly Json[] {
    return [...this.#there].flatMap((vip) => dual({ name: `passing-${vip}`, vip, pods: [] }));
  }

  /** @throws Error when the API server did not take a change. */
  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  async #go(): Promise<void> {
    while (this.#going) {
      await this.#change();
      this.#changes += 1;
      await new Promise((resolve) => setTimeout(resolve, this.#random() * 2 * this.#pause));
    }
  }

  async #change(): Promise<void> {
    const moved = this.#moving[this.#number(2 * this.#moving.length)];
    if (moved !== undefined) {
      const pods = [moved.stays, ...this.#some(others.filter((pod) => pod !== moved.stays))];
      await this.#api.put(...slices({ ...moved, pods }));
      return;
    }
    const vip = firstVip + this.#number(most);
    const options = { name: `passing-${vip}`, vip, pods: this.#some(others) };
    if (!this.#there.has(vip)) await this.#api.put(...dual(options));
    else if (this.#random() < 0.5) await this.#api.put(...slices(options));
    else {
      await this.#api.remove(...dual(options));
      this.#there.delete(vip);
      return;
    }
    this.#there.add(vip);
  }

  #some<Thing>(things: readonly Thing[]): readonly Thing[] {
    return things.filter(() => this.#random() < 0.5);
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below);
  }
}

const others: readonly PodName[] = ['p1', 'p2', 'p3', 'r1', 'r2', 'r3'];

/** ClusterIPs of what comes and goes. */
const firstVip = 100;
const most = 40;
