import { microTime } from '../go-time.ts';

/** The object that an Event is about, as Kubernetes refers to it. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  /** Undefined for an object without one. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** `kubectl describe` shows only Events that carry the object's. */
  readonly uid: string | undefined;
}

/** Something worth an Event. */
export interface News {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word of CamelCase: `FailedToStartServiceHealthcheck`. */
  readonly reason: string;
  /** What was tried: `Listen`. */
  readonly action: string;
  /** For people. */
  readonly note: string;
}

/** How often the same news came. Dates are milliseconds since 1970. */
export interface Series {
  readonly count: number;
  readonly lastDate: number;
}

/** One Event object. */
export interface Event {
  readonly namespace: string;
  readonly name: string;
  readonly news: News;
  readonly date: number;
}

/** Who tells: `reportingController` and `reportingInstance`. */
export interface Reporter {
  readonly controller: string;
  readonly instance: string;
}

/** Names of Events hold the time; so many nodes tell of one Service at the same moment that milliseconds would not do. @param random 0 to 1. */
export function eventOf(news: News, date: number, random: number): Event {
  const { namespace = 'default', name } = news.regarding;
  const moment = BigInt(date) * 1_000_000n + BigInt(Math.floor(random * 1_000_000));
  return {
    namespace,
    name: `${name.slice(0, 230).replace(/[.-]+$/, '')}.${moment.toString(16)}`,
    news,
    date,
  };
}

/** The object for events.k8s.io/v1. */
export function eventText(
  { namespace, name, news, date }: Event,
  reporter: Reporter,
  series: Series | undefined,
): string {
  const { regarding, type, reason, action, note } = news;
  return JSON.stringify({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(date),
    reportingController: reporter.controller,
    reportingInstance: atMost(reporter.instance, 128),
    action,
    reason,
    regarding,
    note: atMost(note, 1024),
    type,
    series: series && seriesObject(series),
  });
}

/** A merge patch for an Event that is there. */
export function seriesText(series: Series): string {
  return JSON.stringify({ series: seriesObject(series) });
}

function seriesObject({ count, lastDate }: Series) {
  return { count, lastObservedTime: microTime(lastDate) };
}

/** The API server counts bytes. */
function atMost(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const whole = Buffer.from(text)
    .subarray(0, bytes - 3)
    .toString();
  return `${whole.replace(/\uFFFD$/, '')}…`;
}
