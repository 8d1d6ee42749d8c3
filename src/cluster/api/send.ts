import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { toError } from '../../errors.ts';
import { bodyOf } from './body.ts';
import { ApiError, type ApiRequest, type ApiResponse } from './client.ts';
import { connectionError } from './connection-error.ts';

/** A request with all that its connection needs. */
export interface Outgoing {
  /** For messages, and `https:` or `http:`. */
  readonly server: string;
  readonly request: ApiRequest;
  /** Host, port, path, headers and agent. */
  readonly options: RequestOptions;
  /** A new connection is given up when TCP and TLS are not there after this. */
  readonly connectMilliseconds: number;
}

/** TCP asks a quiet peer whether it is still there, so that firewalls do not forget the connection. */
const keepAliveMilliseconds = 30_000;

/** Sends the request; resolves with the head of the answer. @throws ApiError, or the reason of the request's signal. */
export function send(outgoing: Outgoing): Promise<ApiResponse> {
  const { server, request, options, connectMilliseconds } = outgoing;
  const { signal, silenceMilliseconds, body } = request;
  return new Promise((resolve, reject) => {
    const end = startEnding(outgoing);
    const client = (server.startsWith('https:') ? httpsRequest : httpRequest)(options);
    const silence = setTimeout(() => end.by(client, silent(outgoing)), silenceMilliseconds);
    const onAbort = (): void => end.by(client, toError(signal.reason));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    client.on('socket', (socket) =>
      watchConnect(socket, connectMilliseconds, end.stood, () => end.by(client, notConnected(outgoing))),
    );
    // Stays for good: an error may come late, after the answer or after the end.
    client.on('error', (error) => reject(end.reasonFor(error)));
    client.on('close', () => {
      clearTimeout(silence);
      signal.removeEventListener('abort', onAbort);
      reject(end.reasonFor(new Error('socket hang up')));
    });
    client.on('response', (response) => {
      clearTimeout(silence);
      resolve(answer(response, client, outgoing, end));
    });
    client.end(body?.text);
  });
}

/** Why a request was ended by us, which goes before whatever error its end makes. */
interface Ending {
  readonly by: (client: ClientRequest, reason: Error) => void;
  /** From now on an error is one of a connection that stood. */
  readonly stood: () => void;
  readonly reasonFor: (error: Error) => Error;
}

function startEnding({ server, request }: Outgoing): Ending {
  let ours: Error | undefined;
  let stood = false;
  return {
    by(client, reason) {
      ours ??= reason;
      client.destroy();
    },
    stood() {
      stood = true;
    },
    reasonFor: (error) => ours ?? connectionError(server, request.what, error, stood),
  };
}

/** Calls `stood` once TCP and TLS are there, `late` when a socket that is still connecting has not finished them in time. */
function watchConnect(socket: Socket, milliseconds: number, stood: () => void, late: () => void): void {
  if (!socket.connecting) {
    stood();
    return;
  }
  socket.setKeepAlive(true, keepAliveMilliseconds);
  const timer = setTimeout(late, milliseconds);
  const done = (): void => clearTimeout(timer);
  const connected = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
  socket.once(connected, done);
  socket.once(connected, stood);
  socket.once('close', done);
}

function answer(
  response: IncomingMessage,
  client: ClientRequest,
  outgoing: Outgoing,
  end: Ending,
): ApiResponse {
  const { headers, statusCode = 0 } = response;
  return {
    status: statusCode,
    mediaType: (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '',
    retryAfterSeconds: seconds(headers['retry-after']),
    body: bodyOf({
      response,
      silenceMilliseconds: outgoing.request.silenceMilliseconds,
      onSilence: () => end.by(client, silent(outgoing)),
      onLeft: () => client.destroy(),
      failure: end.reasonFor,
    }),
  };
}

/** The other form, a date, is not used by Kubernetes. */
function seconds(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined;
}

function silent({ server, request }: Outgoing): ApiError {
  const { what, silenceMilliseconds } = request;
  return new ApiError('NP-API-008', { server, ...what, seconds: silenceMilliseconds / 1000 });
}

function notConnected({ server, connectMilliseconds }: Outgoing): ApiError {
  const reason = `no connection within ${connectMilliseconds / 1000} s`;
  return new ApiError('NP-API-002', { server, reason });
}
