import type { Clock } from '../../clock.ts';
import { type ApiAction, type ApiClient, ApiError, type ApiResponse } from './client.ts';
import { Malformed } from './malformed.ts';
import type { Resource } from './resources.ts';
import { statusError } from './status-error.ts';
import type { ReflectorTimes } from './times.ts';

/** What lists and watches of one resource need. */
export interface Access {
  readonly client: ApiClient;
  readonly resource: Resource;
  readonly times: ReflectorTimes;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly breathe: () => Promise<void> | undefined;
}

/** A request that reads JSON. */
export interface Ask {
  readonly verb: 'list' | 'watch';
  /** Undefined or empty ones are left out. */
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly silenceMilliseconds: number;
}

/**
 * Sends the request and lets `read` have the answer, when it is 200 with JSON. The request ends with it, whatever happens.
 * `cut` ends it at once with that failure.
 * @throws ApiError; what is Malformed becomes NP-API-007
 */
export async function exchange<T>(
  access: Access,
  ask: Ask,
  signal: AbortSignal,
  read: (response: ApiResponse, cut: (failure: ApiError) => void) => Promise<T>,
): Promise<T> {
  const { client } = access;
  const what: ApiAction = { verb: ask.verb, resource: access.resource.name };
  const about = { server: client.server, ...what };
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const path = `${access.resource.path}?${queryText(access.resource, ask.query)}`;
    const { silenceMilliseconds } = ask;
    const request = { method: 'GET', path, what, silenceMilliseconds, signal: controller.signal } as const;
    const response = await client.open(request);
    if (response.status !== 200) throw await statusError(client.server, what, response);
    if (response.mediaType !== 'application/json') {
      throw new Malformed(`the media type is ${mediaTypeFor(response)}`);
    }
    const result = await read(response, (failure) => controller.abort(failure));
    // An end that we made ourselves is no end in good order.
    controller.signal.throwIfAborted();
    return result;
  } catch (thrown) {
    const failure =
      thrown instanceof Malformed ? new ApiError('NP-API-007', { ...about, reason: thrown.message }) : thrown;
    controller.abort(failure);
    throw failure;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function queryText({ labelSelector }: Resource, query: Ask['query']): string {
  const parameters = Object.entries({ labelSelector, ...query })
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(parameters).toString();
}

function mediaTypeFor({ mediaType }: ApiResponse): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(mediaType) ? mediaType : 'not to be read';
}
