import type { Clock } from '../clock.ts';
import { type Event, eventOf, type News, type Series } from './event.ts';
import { TokenBucket } from './token-bucket.ts';

/** What the API server is to be told: a new Event, or how often it came. */
export interface Telling {
  readonly event: Event;
  /** Undefined: it came once, and the Event is to be made. */
  readonly series: Series | undefined;
}

interface Known {
  readonly event: Event;
  count: number;
  lastDate: number;
  /** By the clock's `now`. */
  last: number;
  /** The count that the API server was told, and when. */
  toldCount: number;
  told: number;
}

const minutes = 60_000;
/** As client-go has it: a series ends when its news did not come for so long; a long one is told anew, or the API server would forget it. */
const finished = 6 * minutes;
const refresh = 30 * minutes;
/** News about one object: so many at once, then one each five minutes. */
const spam = { burst: 25, millisecondsEach: 5 * minutes } as const;
/** News and objects remembered; beyond, those that did not come for the longest time are forgotten. */
const maxEntries = 4096;

/** Makes few Events out of much news. */
export class Aggregate {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Nothing is remembered. */
  get isEmpty(): boolean {
    return this.#known.size + this.#buckets.size === 0;
  }

  /** What to tell of the news; undefined when it is too much, or is told later. */
  take(news: News): Telling | undefined {
    const key = JSON.stringify(news);
    const known = this.#known.get(key);
    if (known === undefined) return this.#begin(key, news);
    renew(this.#known, key, known);
    known.count += 1;
    known.lastDate = this.#clock.date();
    known.last = this.#clock.now();
    return known.count === 2 ? this.#tell(known) : undefined;
  }

  /** What became due meanwhile; to be asked each minute while something is remembered. */
  due(): readonly Telling[] {
    const now = this.#clock.now();
    const tellings: Telling[] = [];
    for (const [key, known] of this.#known) {
      const ended = now - known.last >= finished;
      const untold = known.count > known.toldCount;
      if (untold && (ended || now - known.told >= refresh)) tellings.push(this.#tell(known));
      if (ended) this.#known.delete(key);
    }
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key);
    return tellings;
  }

  #begin(key: string, news: News): Telling | undefined {
    const [now, date] = [this.#clock.now(), this.#clock.date()];
    const object = JSON.stringify(news.regarding);
    const bucket = this.#buckets.get(object) ?? new TokenBucket(spam.burst, spam.millisecondsEach, now);
    renew(this.#buckets, object, bucket);
    if (!bucket.take(now)) return undefined;
    const event = eventOf(news, date, this.#random());
    renew(this.#known, key, { event, count: 1, lastDate: date, last: now, toldCount: 1, told: now });
    return { event, series: undefined };
  }

  #tell(known: Known): Telling {
    known.toldCount = known.count;
    known.told = this.#clock.now();
    return { event: known.event, series: { count: known.count, lastDate: known.lastDate } };
  }
}

/** Puts the entry behind all others, and drops the first when there are too many. */
function renew<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > maxEntries && oldest !== undefined) map.delete(oldest);
}
