import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { ObjectChange } from '../../model/change.ts';
import type { Finding } from '../../model/finding.ts';
import type { Breathe } from '../breathe.ts';
import type { Publisher } from '../publisher.ts';

export interface FeedOptions {
  readonly publisher: Publisher;
  readonly findings: () => readonly Finding[];
  readonly clock: Clock;
  readonly breathe: Breathe;
  /** A listener or a stage behind it threw; the feed goes on. */
  readonly failed: (error: Error) => void;
}

/** Milliseconds: the first change after a quiet time is told at once, those of a burst in windows that grow. */
const windows = { first: 4, most: 50, quiet: 100 };

/** Brings changes to a publisher: those that come together together, and never two rows at a time. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #told = createTold();
  /** By kind and key, so that a churning object takes the room of one. */
  #pending = new Map<string, ObjectChange>();
  #wanted = false;
  #complete = false;
  #stopped = false;
  #window = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Resolves when the listener has been told for the first time, or the feed was stopped. @throws what the listener threw then */
  get told(): Promise<void> {
    return this.#told.promise;
  }

  /** Takes note; objects or only findings may have changed. */
  changed(changes: readonly ObjectChange[]): void {
    for (const change of changes) this.#pending.set(`${change.kind} ${change.key}`, change);
    this.#want();
  }

  /** All has been heard: from now on the listener is told. */
  complete(): void {
    if (this.#complete) return;
    this.#complete = true;
    this.#want();
  }

  /** Resolves when the listener is not being told and will never be again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
    this.#told.resolve();
  }

  #want(): void {
    this.#wanted = true;
    if (this.#stopped || this.#running || this.#cancel) return;
    const { clock } = this.#options;
    const burst = clock.now() - this.#endedAt < windows.quiet;
    this.#window = burst ? Math.min(windows.most, Math.max(windows.first, 2 * this.#window)) : 0;
    this.#cancel = clock.after(this.#window, () => this.#start());
  }

  #start(): void {
    this.#cancel = undefined;
    this.#wanted = false;
    this.#running = this.#run()
      .catch((thrown: unknown) => this.#failed(toError(thrown)))
      .then(() => {
        this.#running = undefined;
        this.#endedAt = this.#options.clock.now();
        if (this.#wanted) this.#want();
      });
  }

  async #run(): Promise<void> {
    const { publisher, breathe, findings } = this.#options;
    // What completes the source while the publisher is busy is not among these changes, but among the next.
    const tells = this.#complete;
    const changes = [...this.#pending.values()];
    this.#pending = new Map();
    await publisher.take(changes, breathe);
    if (this.#stopped || !tells) return;
    publisher.tell(findings());
    this.#told.resolve();
  }

  #failed(error: Error): void {
    this.#told.reject(error);
    this.#options.failed(error);
  }
}

/** A promise to be settled from outside. Its rejection counts as handled. */
function createTold() {
  const settle = { resolve: (): void => undefined, reject: (_error: Error): void => undefined };
  const promise = new Promise<void>((resolve, reject) => {
    settle.resolve = resolve;
    settle.reject = reject;
  });
  promise.catch(() => undefined);
  return { promise, resolve: () => settle.resolve(), reject: (error: Error) => settle.reject(error) };
}
