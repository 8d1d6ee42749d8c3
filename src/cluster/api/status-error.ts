import { printable } from '../../errors.ts';
import { type ApiAction, ApiError, type ApiResponse } from './client.ts';

/** More of an error's body than this is not read: a Status object has some hundred bytes. */
const longestBody = 64 * 1024;
/** An error's body that takes longer is judged by what has come so far. */
const longestWait = 5000;
const longestMessage = 400;

/** What a Status object of apimachinery says (`metav1.Status`). */
interface Status {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

/**
 * The error that an answer other than the wanted one means: 401 NP-API-004, 403 NP-API-005, a redirect NP-API-007, all others
 * NP-API-006, with the server's own words when the body is a Status object. Reads the body and ends the request.
 */
export async function statusError(
  server: string,
  action: ApiAction,
  response: ApiResponse,
): Promise<ApiError> {
  const { status } = response;
  const text = await start(response.body);
  const told = statusIn(text) ?? { reason: undefined, message: undefined, retryAfterSeconds: undefined };
  const about = {
    status,
    reason: told.reason,
    retryAfterSeconds: response.retryAfterSeconds ?? told.retryAfterSeconds,
  };
  const who = { server, ...action };
  if (status >= 300 && status < 400) {
    return new ApiError('NP-API-007', { ...who, reason: `a redirect (${status})` }, about);
  }
  const reason = told.message === undefined ? unexplained(response, text) : `: ${shown(told.message)}`;
  if (status === 401) return new ApiError('NP-API-004', { ...who, reason }, about);
  if (status === 403) return new ApiError('NP-API-005', { ...who, reason }, about);
  return new ApiError('NP-API-006', { ...who, status, reason }, about);
}

/** The beginning of a body, as far as it comes. What goes wrong on the way does not matter: the status is an error already. */
async function start(body: AsyncIterable<Buffer>): Promise<string> {
  const iterator = body[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  const read = async (): Promise<void> => {
    for (let length = 0; length < longestBody; ) {
      const next = await iterator.next();
      if (next.done === true) return;
      pieces.push(next.value);
      length += next.value.length;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, longestWait);
  });
  await Promise.race([read().catch(() => undefined), late]);
  clearTimeout(timer);
  await iterator.return?.();
  return Buffer.concat(pieces).subarray(0, longestBody).toString();
}

function statusIn(text: string): Status | undefined {
  const value = objectIn(text);
  if (value?.['kind'] !== 'Status') return undefined;
  const { reason, message, details } = value;
  const seconds =
    typeof details === 'object' && details !== null && 'retryAfterSeconds' in details
      ? details.retryAfterSeconds
      : undefined;
  return {
    reason: typeof reason === 'string' ? printable(reason).slice(0, 100) : undefined,
    message: typeof message === 'string' && message !== '' ? message : undefined,
    retryAfterSeconds: typeof seconds === 'number' && seconds >= 0 ? seconds : undefined,
  };
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON: the caller tells what it is instead.
    return undefined;
  }
}

/** Without a Status object another program may have answered: a proxy, a load balancer. */
function unexplained({ mediaType }: ApiResponse, text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  if (line === '') return '';
  return mediaType.includes('html') ? ': an HTML page' : `: ${shown(line)}`;
}

function shown(message: string): string {
  const short = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
  return printable(short).replace(/\.$/, '');
}
