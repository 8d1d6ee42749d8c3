import type { ApiClient, ApiRequest, ApiResponse } from '../../cluster/api/client.ts';
import type { Telling } from './aggregate.ts';
import { eventText, type Reporter, seriesText } from './event.ts';

/** What the API server made of a telling. */
export type Outcome =
  | { readonly kind: 'told' }
  /** Not now: it is overloaded, away, or does not know us yet. */
  | { readonly kind: 'later'; readonly afterMilliseconds: number | undefined; readonly reason: string }
  /** The Event that a series belongs to is gone (they live for an hour). */
  | { readonly kind: 'gone' }
  /** Never, for this one. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Never, for any: we may not write Events, or there are none. */
  | { readonly kind: 'closed'; readonly status: number; readonly reason: string };

const silenceMilliseconds = 30_000;
const maxAnswerBytes = 64 * 1024;

/** Makes the Event, or with `series` and without `anew` tells how often it came. @throws ApiError when there is no answer. */
export async function tell(
  client: ApiClient,
  reporter: Reporter,
  telling: Telling,
  options: { readonly anew: boolean; readonly signal: AbortSignal },
): Promise<Outcome> {
  const patch = telling.series !== undefined && !options.anew;
  const response = await client.open({
    ...(patch ? patchRequest(telling) : createRequest(telling, reporter)),
    silenceMilliseconds,
    signal: options.signal,
  });
  return outcomeOf(response, patch, await statusIn(response));
}

type Sent = Pick<ApiRequest, 'method' | 'path' | 'what' | 'body'>;

const resource = 'events.events.k8s.io';

function createRequest({ event, series }: Telling, reporter: Reporter): Sent {
  return {
    method: 'POST',
    path: pathOf(event.namespace),
    what: { verb: 'create', resource },
    body: { type: 'application/json', text: eventText(event, reporter, series) },
  };
}

function patchRequest({ event, series = { count: 1, lastDate: event.date } }: Telling): Sent {
  return {
    method: 'PATCH',
    path: `${pathOf(event.namespace)}/${event.name}`,
    what: { verb: 'patch', resource },
    body: { type: 'application/merge-patch+json', text: seriesText(series) },
  };
}

function pathOf(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
}

/** What matters of a Status object. */
interface Status {
  readonly message: string;
  /** The namespace of the Event is missing or about to go, which is no fault of ours. */
  readonly namespaceGone: boolean;
}

async function statusIn(response: ApiResponse): Promise<Status> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxAnswerBytes) break;
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const namespaceGone = /"reason":\s*"NamespaceTerminating"|"kind":\s*"namespaces"/.test(text);
  return { message: /"message":\s*"((?:[^"\\]|\\.){0,300})/.exec(text)?.[1] ?? '', namespaceGone };
}

function outcomeOf({ status, retryAfterSeconds }: ApiResponse, patch: boolean, told: Status): Outcome {
  const reason = `status ${status}${told.message === '' ? '' : `: ${told.message}`}`;
  if (status < 300 || status === 409) return { kind: 'told' };
  if (status === 404 && patch) return { kind: 'gone' };
  if (status === 401 || status === 408 || status === 429 || status >= 500) {
    const afterMilliseconds = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
    return { kind: 'later', afterMilliseconds, reason };
  }
  const closed = (status === 403 || status === 404) && !told.namespaceGone;
  return closed ? { kind: 'closed', status, reason } : { kind: 'refused', reason };
}
