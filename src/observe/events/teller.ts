import type { ApiClient } from '../../cluster/api/client.ts';
import { NodeplaneError, printable, toError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Telling } from './aggregate.ts';
import type { Reporter } from './event.ts';
import { type Outcome, tell } from './request.ts';
import { TokenBucket } from './token-bucket.ts';

export interface TellerOptions {
  readonly client: ApiClient;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** 0 to 1, spreads retries of many nodes. */
  readonly random: () => number;
  readonly log: Log;
}

/** Beyond so many that wait, the oldest is dropped. */
const maxWaiting = 1000;
/** Requests: client-go's default limits, 10 at once and then 5 a second. */
const pace = { burst: 10, millisecondsEach: 200 } as const;
/** As client-go: a telling is tried again each 10 s or so, and given up after two minutes. */
const retry = { milliseconds: 10_000, jitter: 0.25, maxTries: 12 } as const;
/** A server that asks for more patience than this is asked again in any case. */
const mostAskedMilliseconds = 5 * 60_000;
/** How long nothing is sent after the server said that we may not; somebody may grant it. */
const closedMilliseconds = 10 * 60_000;
/** For what still waits at the end. */
const farewellMilliseconds = 2000;

/** Tells the API server one thing after the other, and never more than it wants to hear. */
export class Teller {
  readonly #options: TellerOptions;
  readonly #waiting: Telling[] = [];
  readonly #pace: TokenBucket;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;
  #closedUntil = Number.NEGATIVE_INFINITY;
  /** The last trouble that went into the log. */
  #told: string | undefined;
  #stopping = false;
  #sleeping = false;

  constructor(options: TellerOptions) {
    this.#options = options;
    this.#pace = new TokenBucket(pace.burst, pace.millisecondsEach, options.clock.now());
  }

  send(telling: Telling): void {
    if (this.#stopping || this.#options.clock.now() < this.#closedUntil) return;
    this.#waiting.push(telling);
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    this.#running ??= this.#run();
  }

  /** Tells what waits if the server listens, and ends in any case. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#running === undefined) return;
    const { clock } = this.#options;
    const cancel = clock.after(this.#sleeping ? 0 : farewellMilliseconds, () => this.#end.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    for (;;) {
      const telling = this.#waiting.shift();
      if (telling === undefined || this.#end.signal.aborted) {
        this.#running = undefined;
        return;
      }
      await this.#tellUntilDone(telling);
    }
  }

  async #tellUntilDone(telling: Telling): Promise<void> {
    let anew = false;
    for (let tries = 1; tries <= retry.maxTries && !this.#end.signal.aborted; tries++) {
      await this.#keepPace();
      const outcome = await this.#try(telling, anew);
      if (outcome.kind === 'gone') anew = true;
      else if (outcome.kind === 'later')
        await this.#sleep(Math.min(outcome.afterMilliseconds ?? this.#retryWait(), mostAskedMilliseconds));
      else return this.#settle(outcome);
    }
  }

  async #try(telling: Telling, anew: boolean): Promise<Outcome> {
    const { client, reporter } = this.#options;
    try {
      return await tell(client, reporter, telling, { anew, signal: this.#end.signal });
    } catch (thrown) {
      return { kind: 'later', afterMilliseconds: undefined, reason: toError(thrown).message };
    }
  }

  #settle(outcome: Exclude<Outcome, { kind: 'gone' | 'later' }>): void {
    if (outcome.kind === 'told') {
      this.#told = undefined;
      return;
    }
    if (outcome.kind === 'closed') {
      this.#waiting.length = 0;
      this.#closedUntil = this.#options.clock.now() + closedMilliseconds;
    }
    this.#logOnce(outcome);
  }

  #logOnce(outcome: Extract<Outcome, { kind: 'refused' | 'closed' }>): void {
    const { log, client } = this.#options;
    if (outcome.reason === this.#told) return;
    this.#told = outcome.reason;
    const reason = ` (${printable(outcome.reason)})`;
    const parameters = { server: client.server, verb: 'create', resource: 'events.events.k8s.io', reason };
    if (outcome.kind === 'refused')
      log.warn({ reason: outcome.reason }, 'the API server does not take an Event');
    else log.warn({ err: new NodeplaneError('NP-API-005', parameters) }, 'no Events are written');
  }

  async #keepPace(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#pace.take(clock.now()) && !this.#end.signal.aborted) {
      await this.#wait(this.#pace.wait(clock.now()));
    }
  }

  #retryWait(): number {
    return retry.milliseconds * (1 + retry.jitter * this.#options.random());
  }

  /** Until a retry, which the end does not wait for. */
  async #sleep(milliseconds: number): Promise<void> {
    if (this.#stopping) this.#end.abort();
    this.#sleeping = true;
    await this.#wait(milliseconds);
    this.#sleeping = false;
  }

  #wait(milliseconds: number): Promise<void> {
    const { signal } = this.#end;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#options.clock.after(milliseconds, done);
      signal.addEventListener('abort', done);
    });
  }
}
