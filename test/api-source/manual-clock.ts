import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/cluster/api/clock.ts';

/** Time that passes only when a test lets it. */
export class ManualClock implements Clock {
  /** Raised by whoever does something that others will follow. */
  stir = 0;
  /** So many turns of the event loop in which nobody stirs: more for those who pause often in long work. */
  patience = 5;
  #now = 0;
  #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const key = {};
    this.#timers.set(key, { at: this.#now + Math.max(0, milliseconds), callback });
    return () => this.#timers.delete(key);
  }

  /** Lets so much time pass; after each timer all that follows from it is done before the next. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await this.#settled();
      const [next] = [...this.#timers].sort(([, one], [, other]) => one.at - other.at);
      if (next === undefined || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.#now = next[1].at;
      next[1].callback();
    }
    this.#now = end;
  }

  /** Resolves when nobody has stirred for some turns of the event loop. */
  async #settled(): Promise<void> {
    let quiet = 0;
    for (let stir = this.stir; quiet < this.patience; stir = this.stir) {
      await turn();
      quiet = stir === this.stir ? quiet + 1 : 0;
    }
  }
}
