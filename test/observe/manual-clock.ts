import type { Clock } from '../../src/observe/clock.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that goes on only when it is told to. */
export class ManualClock implements Clock {
  #now = 1000;
  #date = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  date(): number {
    return this.#date;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not gone off. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets the time pass, with every timer at its moment and what follows from it. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#pass(due.at - this.#now);
      this.#timers.delete(due);
      due.callback();
      await settled();
    }
    this.#pass(end - this.#now);
    await settled();
  }

  /** Somebody sets the clock of the host. */
  setDate(date: number): void {
    this.#date = date;
  }

  #pass(milliseconds: number): void {
    this.#now += milliseconds;
    this.#date += milliseconds;
  }
}

/** Promises that wait for nothing but one another have come to their end. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
