import { sleep } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { ObjectChange } from '../../model/change.ts';
import type { SourceEvent } from '../source-event.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import { ApiError } from './client.ts';
import {
  type Attempt,
  afterAnswer,
  afterEvent,
  afterFailure,
  afterFruitless,
  afterListed,
  beginCourse,
  type Course,
  nextAttempt,
  type Turn,
} from './course.ts';
import type { Access } from './exchange.ts';
import { askedMilliseconds, isExpired, isUnreachable } from './failure.ts';
import type { Holdings, Relist } from './holdings.ts';
import { list } from './list.ts';
import { watch } from './watch.ts';
import type { WatchEvent } from './watch-event.ts';

export interface ReflectorOptions extends Access {
  readonly holdings: Holdings;
  readonly sink: ReflectorSink;
  readonly observe: (event: SourceEvent) => void;
}

/** Where a reflector pours what it hears. */
export interface ReflectorSink {
  /** Objects, or what is wrong with them, have changed; perhaps to what they were before. */
  changed(changes: readonly ObjectChange[]): void;
  /** All objects of the resource have been heard, or there are none to be heard; called again and again. */
  heard(): void;
}

/** Mirrors one resource of an API server: lists it, then follows it by watches, through every failure, with client-go's contract. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  #course: Course;
  #listedAt = Number.POSITIVE_INFINITY;
  /** What failed since all went well for a while. */
  readonly #failures = new Set<string>();
  /** Why there is nothing to be heard, as it was told last. */
  #without = '';

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#backoff = createBackoff(options.times.backoff, options.clock, options.random);
    this.#course = beginCourse(options.resource.fieldSelector);
  }

  /** Runs until the signal aborts, whatever is thrown inside. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const attempt = nextAttempt(this.#course, this.#options.clock.now());
      const trial = new OpenTrial(attempt, this.#options.clock.now());
      try {
        if (attempt === 'list') await this.#list(trial, signal);
        else await this.#watch(trial, signal);
      } catch (thrown) {
        await this.#failed(trial, toError(thrown), signal).catch(() => this.#pause(signal));
      }
    }
  }

  async #list(trial: OpenTrial, signal: AbortSignal): Promise<void> {
    const { version, newest, fieldSelector } = this.#course;
    const from = newest ? '' : version || '0';
    const { holdings } = this.#options;
    const listed = await list(this.#options, { version: from, fieldSelector }, holdings, signal);
    this.#listed('list', listed.relist, listed.version, trial);
  }

  async #watch(trial: OpenTrial, signal: AbortSignal): Promise<void> {
    const { version, newest, fieldSelector } = this.#course;
    const initialEvents = trial.attempt === 'watch-list';
    const query = { version: initialEvents && newest ? '' : version, fieldSelector, initialEvents };
    const { observe, resource, holdings, sink } = this.#options;
    let relist = initialEvents ? holdings.relist() : undefined;
    let changes: (readonly ObjectChange[])[] = [];
    const flush = (): void => {
      if (changes.length > 0) sink.changed(changes.flat());
      changes = [];
    };
    const listener = {
      opened: () => {
        trial.opened = true;
        this.#course = afterAnswer(this.#course);
      },
      event: (event: WatchEvent) => {
        observe({ kind: 'heard', resource: resource.kind });
        if (relist) relist = this.#initial(relist, event, trial);
        else changes.push(...this.#follow(event, trial));
      },
      pause: flush,
    };
    await watch(this.#options, query, listener, signal).finally(flush);
    this.#ended(trial);
  }

  /** An event before the end of the initial ones; undefined when it was that. */
  #initial(relist: Relist, event: WatchEvent, trial: OpenTrial): Relist | undefined {
    if (event.type === 'put') relist.put(event.raw);
    if (event.type === 'remove') relist.remove(event.raw);
    if (event.type !== 'bookmark' || !event.endsInitialEvents) return relist;
    this.#listed('watch-list', relist, event.version, trial);
    // What follows is a watch like others.
    trial.attempt = 'watch';
    trial.heard = true;
    return undefined;
  }

  /** Gives what may have changed; an empty list when only the findings may have. */
  #follow(event: WatchEvent, trial: OpenTrial): readonly (readonly ObjectChange[])[] {
    if (event.type === 'unknown') return [];
    trial.heard = true;
    this.#course = afterEvent(this.#course, event.version);
    if (event.type === 'bookmark') return [];
    const { holdings } = this.#options;
    return [event.type === 'put' ? holdings.put(event.raw) : holdings.remove(event.raw)];
  }

  #listed(how: 'list' | 'watch-list', relist: Relist, version: string, trial: OpenTrial): void {
    const { sink, observe, resource, clock } = this.#options;
    const objects = relist.size();
    this.#course = afterListed(this.#course, version);
    this.#without = '';
    this.#listedAt = clock.now();
    sink.changed(relist.commit());
    sink.heard();
    observe({
      kind: 'listed',
      resource: resource.kind,
      how,
      objects,
      milliseconds: clock.now() - trial.began,
    });
  }

  /** A watch ended in good order. */
  #ended({ attempt, heard, began }: OpenTrial): void {
    const { observe, resource, client, clock } = this.#options;
    if (attempt === 'watch-list') {
      const reason = 'it was ended before the end of the initial events';
      throw new ApiError('NP-API-010', {
        server: client.server,
        verb: 'watch',
        resource: resource.name,
        reason,
      });
    }
    if (!heard) this.#course = afterFruitless(this.#course, this.#fruitless(clock.now() - began));
    observe({ kind: 'resumed', resource: resource.kind });
  }

  async #failed(trial: OpenTrial, error: Error, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { observe, resource, clock, times, random } = this.#options;
    const lasted = clock.now() - trial.began;
    const { again, without, course } = this.#turn(trial, error, lasted);
    this.#course = course;
    if (without) this.#tellWithout(error);
    if (again === 'at once') return;
    if (again === 'much later') return sleep(clock, times.withoutAgain * (1 + random()), signal);
    const { milliseconds, first } = this.#backoff.fail(askedMilliseconds(error), this.#held(trial, error));
    if (without) return sleep(clock, milliseconds, signal);
    if (first || this.#failures.size > mostRemembered) this.#failures.clear();
    const unchanged = this.#failures.has(error.message);
    this.#failures.add(error.message);
    observe({ kind: 'failed', resource: resource.kind, error, unchanged, retryMilliseconds: milliseconds });
    await sleep(clock, milliseconds, signal);
  }

  #turn({ attempt, heard, opened }: OpenTrial, error: Error, milliseconds: number): Turn {
    const { resource, clock, times } = this.#options;
    const answered = opened || !isUnreachable(error);
    const trial = { attempt, heard, opened, answered, fruitless: this.#fruitless(milliseconds) };
    return afterFailure(this.#course, trial, error, resource, clock.now() + times.watchListAgain);
  }

  /** How long all went well. A version that expired while the server was away is no fault of the server that is back. */
  #held({ attempt, opened, began }: OpenTrial, error: Error): number {
    const now = this.#options.clock.now();
    if (attempt === 'watch' && isExpired(error)) return now - this.#listedAt;
    return opened ? now - began : 0;
  }

  /** {@link Trial.fruitless} */
  #fruitless(milliseconds: number): number {
    const { briefWatch, fruitless } = this.#options.times;
    return milliseconds < briefWatch ? 0.5 : milliseconds / fruitless;
  }

  /** Somebody who listens to us threw: that is not to make us spin. */
  #pause(signal: AbortSignal): Promise<void> {
    const { clock, times } = this.#options;
    return sleep(clock, times.backoff.most, signal);
  }

  #tellWithout({ message }: Error): void {
    const { observe, resource, sink } = this.#options;
    if (message !== this.#without) observe({ kind: 'without', resource: resource.kind, reason: message });
    this.#without = message;
    sink.heard();
  }
}

/** Failures in turn, each known already, are no news; a server that invents new ones must not fill the memory. */
const mostRemembered = 16;

class OpenTrial {
  attempt: Attempt;
  readonly began: number;
  opened = false;
  heard = false;

  constructor(attempt: Attempt, began: number) {
    this.attempt = attempt;
    this.began = began;
  }
}
