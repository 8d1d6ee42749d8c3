import type { Clock } from '../../clock.ts';
import type { Poll } from './poll.ts';

export interface LooksOptions {
  readonly poll: Poll;
  readonly clock: Clock;
  /** A monitor tells of most changes. */
  readonly listening: () => boolean;
}

/**
 * Milliseconds between two looks, and at least so many times what one took: 2 % of a core while all is quiet, and 10 % for comparisons,
 * which only a cluster that goes on changing, or somebody who goes on writing, makes more than one of.
 */
const bounds = {
  /** Nobody tells of changes. */
  alone: { same: 50, compared: 10, least: 4000, most: 300_000 },
  /** Only for what the monitor cannot hear. */
  besidesMonitor: { same: 200, compared: 200, least: 60_000, most: 900_000 },
};
/** For one that has a reason. */
const soonest = { least: 1000, factor: 10 };
/** What belongs together usually comes at once. */
const settleMilliseconds = 100;

/** Looks at the rules of a family now and then, and soon when there is a reason. */
export class Looks {
  readonly #options: LooksOptions;
  #cancel: () => void = () => undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #readyAt = 0;
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: LooksOptions) {
    this.#options = options;
    // The first look comes although a monitor listens by then: it finds what was written before, or claimed for ours in the beginning.
    this.#arm(bounds.alone.least);
  }

  /** There may be something to see. */
  soon(): void {
    this.#again = this.#looking;
    const wait = Math.max(settleMilliseconds, this.#readyAt - this.#options.clock.now());
    if (!this.#looking && this.#options.clock.now() + wait < this.#dueAt) this.#arm(wait);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #arm(wait: number): void {
    const { clock } = this.#options;
    this.#cancel();
    this.#dueAt = clock.now() + wait;
    if (!this.#stopped) this.#cancel = clock.after(wait, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { poll, clock, listening } = this.#options;
    this.#looking = true;
    const began = clock.now();
    // It tells why itself.
    const result = await poll.look().catch(() => 'compared' as const);
    this.#looking = false;
    const took = clock.now() - began;
    this.#readyAt = clock.now() + Math.max(took * soonest.factor, soonest.least);
    const { least, most, [result]: factor } = listening() ? bounds.besidesMonitor : bounds.alone;
    this.#arm(Math.min(Math.max(took * factor, least), most));
    if (this.#again) this.soon();
  }
}
