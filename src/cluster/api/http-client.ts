import type { OutgoingHttpHeaders, RequestOptions } from 'node:http';
import { toError } from '../../errors.ts';
import type { Account } from './account.ts';
import { createAgents } from './agents.ts';
import { type ApiClient, ApiError, type ApiRequest } from './client.ts';
import { type Credentials, createCredentials, noCredentials, type Proof } from './credentials.ts';
import { send } from './send.ts';

export interface HttpClientOptions {
  readonly account: Account;
  /** What exec plugins get. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** Ask for compressed answers: worth it on slow links only. */
  readonly gzip: boolean;
  /** For TCP and TLS of a new connection. */
  readonly connectMilliseconds: number;
  /** An exec plugin is killed after this. */
  readonly pluginMilliseconds: number;
}

/** A client over HTTP/1.1: each watch has a connection of its own, others are used again. */
export function createHttpClient(options: HttpClientOptions): ApiClient {
  const { account, connectMilliseconds } = options;
  const { server } = account;
  const closing = new AbortController();
  const agents = createAgents(account);
  const credentials = createCredentials({
    account,
    environment: options.environment,
    pluginMilliseconds: options.pluginMilliseconds,
    signal: closing.signal,
  });
  return {
    server,
    async open(request) {
      const proof = await untilAborted(currentProof(server, credentials), request.signal);
      closing.signal.throwIfAborted();
      const agent = agents.agentFor(proof.tls);
      const headers = headersFor(options, request, proof);
      const to = { ...target(server, request), method: request.method, headers, agent };
      const response = await send({ server, request, connectMilliseconds, options: to });
      if (response.status === 401) credentials.refused(proof);
      return response;
    },
    close() {
      closing.abort(new ApiError('NP-API-002', { server, reason: 'the client was closed' }));
      agents.close();
    },
  };
}

async function currentProof(server: string, credentials: Credentials): Promise<Proof> {
  try {
    return await credentials.current();
  } catch (thrown) {
    throw noCredentials(server, toError(thrown));
  }
}

/** Host, port and path; the server's own address may have a path too, behind which its API lies. */
function target(server: string, { path }: ApiRequest): RequestOptions {
  const { hostname, port, pathname } = new URL(server);
  return {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? undefined : port,
    path: `${pathname === '/' ? '' : pathname}${path}`,
  };
}

/** The promise, or the signal's reason as soon as that is aborted. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(toError(signal.reason));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function headersFor(
  { userAgent, gzip }: HttpClientOptions,
  { body }: ApiRequest,
  { authorization }: Proof,
): OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    'user-agent': userAgent,
    ...(gzip ? { 'accept-encoding': 'gzip' } : {}),
    ...(authorization === undefined ? {} : { authorization }),
    ...(body ? { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) } : {}),
  };
}
