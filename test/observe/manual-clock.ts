import type { Clock } from '../../src/observe/clock.ts';
import { ManualClock as OnlyForward } from '../manual-clock.ts';

/** Time as hosts have it: it goes on only when it is told to, and somebody may set the date. */
export class ManualClock extends OnlyForward implements Clock {
  #dateAtZero: number;

  constructor() {
    super(undefined, 1000);
    this.#dateAtZero = Date.UTC(2026, 0, 2, 3, 4, 5, 678) - this.now();
  }

  date(): number {
    return this.#dateAtZero + this.now();
  }

  /** Lets the time pass, with every timer at its moment and what follows from it. */
  advance(milliseconds: number): Promise<void> {
    return this.pass(milliseconds);
  }

  /** Somebody sets the clock of the host. */
  setDate(date: number): void {
    this.#dateAtZero = date - this.now();
  }
}
