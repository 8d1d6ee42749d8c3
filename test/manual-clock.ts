import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../src/clock.ts';

/** Waits until what a timer has set off has come to rest. */
export type Settled = () => Promise<void>;

/** Time that passes only when a test lets it; a timer that is due goes off at its moment. */
export class ManualClock implements Clock {
  #now: number;
  readonly #settled: Settled;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  /** @param settled used where {@link pass} is given no other; default: a turn of the event loop. */
  constructor(settled: Settled = turn, now = 0) {
    this.#settled = settled;
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, milliseconds), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not gone off. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets so much time pass; after each timer all that follows from it is done before the next. */
  async pass(milliseconds: number, settled: Settled = this.#settled): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settled();
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
    await settled();
  }
}
