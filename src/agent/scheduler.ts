import type { Clock } from '../clock.ts';

export interface SchedulerOptions {
  /** One run; a rejection asks for another try. */
  readonly run: () => Promise<void>;
  /** Least rest between the end of one run and the start of the next; undefined: as long as the run took, see {@link adaptiveRest}. */
  readonly minPeriodMilliseconds: number | undefined;
  /** First wait after a failure; doubled for each further one up to {@link retryMaximum}. */
  readonly retryMilliseconds: number;
  readonly retryMaximum: number;
  readonly clock: Clock;
  /** 0 to 1, spreads retries of many nodes. */
  readonly random: () => number;
}

/**
 * The rest when none is set: as long as the run took, but 20 ms at least, in which a row of changes comes together, and a second at most.
 * A cluster that goes on changing gets a tenth of the time once it has used up a second of it, by longer rests, up to that second too.
 * After a failure always that second: what was done is done again.
 */
const adaptiveRest = { least: 20, most: 1000, share: 0.1, credit: 1000 };

/**
 * Runs one thing at a time, when it is asked for.
 * 1. Runs never overlap.
 * 2. Between the end of one and the start of the next lies at least the rest.
 * 3. The first request after a quiet time runs at once; requests in between become one run.
 * 4. A failed run is tried again after a wait that grows, is spread by up to a half and never longer than `retryMaximum`;
 *    success resets it. A request, also one that came during the failed run, waits for the least rest only.
 */
export class Scheduler {
  #options: SchedulerOptions;
  #wanted = false;
  #running: Promise<void> | undefined;
  #failures = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds that runs may take before rests become longer; below zero: what has been taken beyond that. */
  #credit = adaptiveRest.credit;
  #endedAt = 0;
  #readyAt = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Asks for a run. */
  request(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#arm(this.#readyAt);
  }

  /** Other times from the next end of a run on. */
  retime(times: Pick<SchedulerOptions, 'minPeriodMilliseconds' | 'retryMaximum'>): void {
    this.#options = { ...this.#options, ...times };
  }

  /** No run starts any more; resolves when one that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #arm(at: number): void {
    if (this.#running !== undefined || this.#stopped) return;
    this.#cancelTimer?.();
    const wait = at - this.#options.clock.now();
    if (wait <= 0) this.#start();
    else this.#cancelTimer = this.#options.clock.after(wait, () => this.#start());
  }

  #start(): void {
    this.#cancelTimer = undefined;
    this.#wanted = false;
    this.#startedAt = this.#options.clock.now();
    this.#running = this.#options
      .run()
      .then(
        () => {
          this.#failures = 0;
        },
        () => {
          this.#failures += 1;
        },
      )
      .then(() => this.#ended());
  }

  #ended(): void {
    const { clock } = this.#options;
    this.#running = undefined;
    this.#readyAt = clock.now() + this.#rest();
    if (this.#wanted) this.#arm(this.#readyAt);
    else if (this.#failures > 0) this.#arm(Math.max(this.#readyAt, clock.now() + this.#backoff()));
  }

  #rest(): number {
    const { clock, minPeriodMilliseconds } = this.#options;
    const took = clock.now() - this.#startedAt;
    this.#pay(took);
    if (minPeriodMilliseconds !== undefined) return minPeriodMilliseconds;
    const { least, most, share } = adaptiveRest;
    return this.#failures > 0 ? most : Math.min(Math.max(took, least, -this.#credit / share), most);
  }

  /** Takes what a run took from the credit, after what has been earned since the end of the run before. */
  #pay(took: number): void {
    const { most, share, credit } = adaptiveRest;
    const earned = Math.min(this.#credit + (this.#startedAt - this.#endedAt) * share, credit);
    this.#credit = Math.max(earned - took, -most * share);
    this.#endedAt = this.#startedAt + took;
  }

  #backoff(): number {
    const { retryMilliseconds, retryMaximum, random } = this.#options;
    const wait = retryMilliseconds * 2 ** (this.#failures - 1) * (1 + random() / 2);
    return Math.min(wait, retryMaximum);
  }
}
