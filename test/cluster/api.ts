import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ConnectionOptions } from 'node:tls';
import type { Json } from '../conformance/objects.ts';
import type { Answer } from './bridge.ts';
import { isKind, type Kind, pathOf } from './kinds.ts';

/** An object as the API server gives it. */
export interface ApiObject {
  readonly kind: Kind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

/** Which object, or with an empty `name` all of a kind. Namespaced ones are in `default` when undefined. */
export interface Reference {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface WatchEvent<Thing = ApiObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Thing;
}

/** The server said no. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(action: string, { status, body }: Answer) {
    super(`${action}: ${status} ${body.slice(0, 1000)}`);
    this.status = status;
  }
}

export interface ApiIdentity {
  /** A Unix socket that leads to the server; see bridge.mjs. */
  readonly socketPath: string;
  /** A name in the server's certificate. */
  readonly servername: string;
  readonly ca: string;
  readonly credentials: Credentials;
}

export type Credentials =
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'token'; readonly token: string };

type TlsOptions = Pick<ConnectionOptions, 'servername' | 'ca' | 'cert' | 'key'>;

const mediaTypes = { POST: 'application/json', PATCH: 'application/merge-patch+json' } as const;

/** What tests say to the API server, as one user. */
export class Api {
  readonly #connection: Pick<RequestOptions, 'socketPath' | 'agent'> & TlsOptions;
  readonly #authorization: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true });

  constructor({ socketPath, servername, ca, credentials }: ApiIdentity) {
    const pair =
      credentials.kind === 'certificate' ? { cert: credentials.certificate, key: credentials.key } : {};
    this.#connection = { socketPath, servername, ca, ...pair, agent: this.#agent };
    this.#authorization =
      credentials.kind === 'token' ? { authorization: `Bearer ${credentials.token}` } : {};
  }

  async create(object: Json): Promise<ApiObject> {
    const { path } = located(object);
    return this.#object('POST', path, object);
  }

  /** Creates it, or makes the fields that are given what they are here and drops those given before (server-side apply). */
  async apply(object: Json): Promise<ApiObject> {
    const { path, name } = located(object);
    const query = 'fieldManager=test&force=true';
    return this.#object('PATCH', `${path}/${name}?${query}`, object, 'application/apply-patch+yaml');
  }

  /** Puts it in the place of what is there, whatever version that has; for kinds that allow it. */
  async replace(object: Json): Promise<ApiObject> {
    const { path, name } = located(object);
    return this.#object('PUT', `${path}/${name}`, object);
  }

  /** A merge patch of the object, or of its status. */
  async patch(reference: Reference, patch: Json, subresource?: 'status'): Promise<ApiObject> {
    const path = `${pathOf(reference)}/${reference.name}${subresource === undefined ? '' : `/${subresource}`}`;
    return this.#object('PATCH', path, patch);
  }

  /** Gone already is as good. @param options `DeleteOptions`. */
  async remove(reference: Reference, options?: Json): Promise<void> {
    const path = `${pathOf(reference)}/${reference.name}`;
    const answer = await this.request('DELETE', path, options);
    if (answer.status >= 300 && answer.status !== 404) throw new ApiRefusal(`DELETE ${path}`, answer);
  }

  async get(reference: Reference): Promise<ApiObject> {
    return this.#object('GET', `${pathOf(reference)}/${reference.name}`);
  }

  /** All of a kind, in one namespace or, when undefined, in all. */
  async list(kind: Kind, namespace?: string): Promise<readonly ApiObject[]> {
    const path = pathOf({ kind, namespace: namespace ?? '' });
    const answer = await this.request('GET', path);
    if (answer.status >= 300) throw new ApiRefusal(`GET ${path}`, answer);
    const list: { items: ApiObject[] } = JSON.parse(answer.body);
    return list.items;
  }

  /** Any request, and its answer whatever it is. @throws Error when there is no answer within 30 seconds. */
  async request(method: string, path: string, body?: Json, type?: string): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      ...this.#authorization,
      // Node would send the body of a DELETE without it, and the server take it for the next request.
      'content-length': Buffer.byteLength(text),
      accept: 'application/json',
      'content-type': type ?? (method === 'PATCH' ? mediaTypes.PATCH : mediaTypes.POST),
    };
    const signal = AbortSignal.timeout(30_000);
    const options = { ...this.#connection, method, path, headers, signal };
    return answerTo(options, text);
  }

  /** The events of a watch as they come, until the server or the signal ends it. */
  async *watch<Thing = ApiObject>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<Thing>> {
    const sent = request({ ...this.#connection, headers: this.#authorization, path, signal }).end();
    try {
      const [response]: IncomingMessage[] = await once(sent, 'response');
      if (response?.statusCode !== 200) throw new Error(`GET ${path}: ${response?.statusCode}`);
      let pending = '';
      for await (const piece of response.setEncoding('utf8')) {
        const lines = `${pending}${piece}`.split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line);
      }
    } finally {
      sent.on('error', () => undefined).destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #object(method: string, path: string, body?: Json, type?: string): Promise<ApiObject> {
    const answer = await this.request(method, path, body, type);
    if (answer.status >= 300) throw new ApiRefusal(`${method} ${path}`, answer);
    return JSON.parse(answer.body);
  }
}

function answerTo(options: RequestOptions, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      text(response).then(
        (received) => resolve({ status: response.statusCode ?? 0, body: received }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function located({ kind, metadata }: Json): { readonly path: string; readonly name: string } {
  const { name, namespace }: Json = { ...(typeof metadata === 'object' ? metadata : {}) };
  if (!isKind(kind) || typeof name !== 'string') throw new Error('not an object that tests know');
  return { path: pathOf({ kind, namespace: typeof namespace === 'string' ? namespace : undefined }), name };
}
