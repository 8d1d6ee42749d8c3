import type { Clock } from '../../clock.ts';
import { type Family, families } from '../../model/address.ts';

/** Time between two comparisons of a family: at least this, and so many times what the last one took. Two programs that undo each other's work must not burn a core. */
const leastRestMilliseconds = 1000;
const restFactor = 20;
/** What belongs together usually comes at once. */
const settleMilliseconds = 100;

interface Doubt {
  cancel: (() => void) | undefined;
  readyAt: number;
}

/** Turns suspicions into comparisons with the kernel, few enough. */
export class Suspicions {
  readonly #clock: Clock;
  readonly #verify: (family: Family) => Promise<void>;
  readonly #doubts: ReadonlyMap<Family, Doubt>;
  #stopped = false;

  constructor(clock: Clock, verify: (family: Family) => Promise<void>) {
    this.#clock = clock;
    this.#verify = verify;
    this.#doubts = new Map(families.map((family) => [family, { cancel: undefined, readyAt: 0 }]));
  }

  /** Has the family compared soon; further suspicions until then are the same one. */
  raise(family: Family): void {
    const doubt = this.#doubts.get(family);
    if (doubt === undefined || doubt.cancel !== undefined || this.#stopped) return;
    const wait = Math.max(settleMilliseconds, doubt.readyAt - this.#clock.now());
    doubt.cancel = this.#clock.after(wait, () => {
      doubt.cancel = undefined;
      void this.verify(family);
    });
  }

  /** Has it compared now. */
  async verify(family: Family): Promise<void> {
    if (this.#stopped) return;
    const began = this.#clock.now();
    await this.#verify(family);
    const ended = this.#clock.now();
    const doubt = this.#doubts.get(family);
    if (doubt !== undefined)
      doubt.readyAt = ended + Math.max(leastRestMilliseconds, (ended - began) * restFactor);
  }

  stop(): void {
    this.#stopped = true;
    for (const { cancel } of this.#doubts.values()) cancel?.();
  }
}
