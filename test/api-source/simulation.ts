import { sleep } from '../../src/clock.ts';
import { type ApiClient, ApiError, type ApiRequest, type ApiResponse } from '../../src/cluster/api/client.ts';
import type { ObjectKind } from '../../src/model/change.ts';
import { inside, keyOf } from '../api-server/resources.ts';
import type { Json } from '../conformance/objects.ts';
import type { StirredClock } from './stirred-clock.ts';

/** What meets a request of a resource. */
export type Fault =
  /** Nobody listens. */
  | { readonly kind: 'away' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly retryAfter?: number;
    }
  /** A good answer that ends so many bytes after its begin: in good order, or not. */
  | { readonly kind: 'end' | 'break'; readonly bytes: number }
  /** No answer, or none after so many bytes. */
  | { readonly kind: 'silence'; readonly bytes: number | undefined }
  /** A page for people. */
  | { readonly kind: 'html' }
  /** Such a line goes before all others. */
  | { readonly kind: 'line'; readonly line: string };

export interface Asked {
  readonly at: number;
  readonly kind: ObjectKind;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/** How streaming lists are answered: as they should be, refused with 422, or as a plain watch. */
export type WatchLists = 'served' | 'refused' | 'ignored';

interface Event {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: ObjectKind;
  readonly object: Json;
}

const paths: Readonly<Record<string, ObjectKind>> = {
  '/api/v1/services': 'Service',
  '/apis/discovery.k8s.io/v1/endpointslices': 'EndpointSlice',
  '/api/v1/nodes': 'Node',
  '/apis/networking.k8s.io/v1/servicecidrs': 'ServiceCIDR',
};

/** An API server in memory, on the time of a manual clock, behind the interface of its client. */
export class Simulation {
  readonly asked: Asked[] = [];
  watchLists: WatchLists = 'served';
  /** 404 for resources that it does not have. */
  without: ReadonlySet<ObjectKind> = new Set();
  /** 400 for `spec.clusterIP`. */
  oldSelectors = false;
  bookmarks = true;
  /** Decides what meets a request. */
  faultOf: (asked: Asked) => Fault | undefined = () => undefined;
  #version = 1_000_000;
  #lives = 0;
  #compacted = 0;
  #objects = new Map<string, { readonly kind: ObjectKind; readonly object: Json }>();
  #events: Event[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #clock: StirredClock;

  constructor(clock: StirredClock) {
    this.#clock = clock;
  }

  readonly client: ApiClient = {
    server: 'https://simulation',
    open: (request) => this.#open(request),
    close: () => undefined,
  };

  objects(): readonly Json[] {
    return [...this.#objects.values()].map(({ object }) => object);
  }

  put(object: Json): void {
    const kind = kindOf(object);
    const id = `${kind} ${keyOf(object)}`;
    this.#add(this.#objects.has(id) ? 'MODIFIED' : 'ADDED', kind, object);
    const held = this.#events.at(-1)?.object ?? object;
    this.#objects.set(id, { kind, object: held });
    this.#wake();
  }

  remove(object: Json): void {
    const kind = kindOf(object);
    if (!this.#objects.delete(`${kind} ${keyOf(object)}`)) return;
    this.#add('DELETED', kind, object);
    this.#wake();
  }

  /** Watches from what was until now get 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#events = [];
    this.#wake();
  }

  /**
   * The same objects under smaller versions, as from a backup of etcd. Connections stay. Versions that have been used do not come again:
   * nobody could tell a client that means another state by the same number.
   */
  restore(): void {
    this.#lives += 1;
    this.#version = 1_000_000 - 10_000 * this.#lives;
    this.#compacted = 0;
    this.#events = [];
    for (const [id, { kind, object }] of this.#objects) {
      const metadata = { ...inside(object, 'metadata'), resourceVersion: String(this.#version) };
      this.#objects.set(id, { kind, object: { ...object, metadata } });
    }
  }

  #add(type: Event['type'], kind: ObjectKind, object: Json): void {
    this.#version += 1;
    const metadata = { ...inside(object, 'metadata'), resourceVersion: String(this.#version) };
    this.#events.push({ version: this.#version, type, kind, object: { ...object, metadata } });
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  async #open(request: ApiRequest): Promise<ApiResponse> {
    const url = new URL(request.path, 'https://simulation');
    const kind = paths[url.pathname] ?? 'Service';
    const query = Object.fromEntries(url.searchParams);
    const asked: Asked = { at: this.#clock.now(), kind, path: url.pathname, query };
    this.asked.push(asked);
    await Promise.resolve();
    const fault = this.faultOf(asked);
    if (fault?.kind === 'away')
      throw new ApiError('NP-API-002', { server: 'https://simulation', reason: 'refused' });
    if (fault?.kind === 'status') return answer(fault.status, status(fault), fault.retryAfter);
    if (fault?.kind === 'html') return answer(200, '<html>', undefined, 'text/html');
    if (fault?.kind === 'silence' && fault.bytes === undefined) throw await this.#silence(request);
    const refusal = this.#refusal(kind, query);
    if (refusal) return answer(refusal.status, status(refusal), undefined);
    const lines =
      query['watch'] === 'true' ? this.#watch(kind, query, request.signal) : this.#list(kind, query);
    return { ...answer(200, ''), body: this.#spoilt(lines, fault, request) };
  }

  #refusal(
    kind: ObjectKind,
    query: Asked['query'],
  ): { readonly status: number; readonly reason?: string } | undefined {
    if (this.without.has(kind)) return { status: 404, reason: 'NotFound' };
    if (this.oldSelectors && query['fieldSelector']?.startsWith('spec.'))
      return { status: 400, reason: 'BadRequest' };
    const streams = query['sendInitialEvents'] === 'true';
    if (streams && this.watchLists === 'refused') return { status: 422, reason: 'Invalid' };
    const version = Number(query['resourceVersion'] ?? '0');
    const waits = query['watch'] !== 'true' || (streams && this.watchLists === 'served');
    if (waits && version > this.#version) return { status: 504, reason: 'Timeout' };
    return undefined;
  }

  async *#list(kind: ObjectKind, query: Asked['query']): AsyncGenerator<string> {
    const all = this.#of(kind);
    const [from = 0, version = this.#version] = query['continue']?.split('/').map(Number) ?? [];
    if (version < this.#compacted) throw new Error('the simulation lists in one turn');
    const items = all
      .slice(from, from + Number(query['limit'] ?? all.length))
      .map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
    const next = from + items.length < all.length ? `${from + items.length}/${version}` : '';
    const metadata = { resourceVersion: String(version), ...(next === '' ? {} : { continue: next }) };
    yield JSON.stringify({ kind: `${kind}List`, apiVersion: 'v1', metadata, items });
  }

  /** Lines; like a real server's cache it says nothing of the future that the version may lie in. */
  async *#watch(kind: ObjectKind, query: Asked['query'], signal: AbortSignal): AsyncGenerator<string> {
    const ends = this.#clock.now() + Number(query['timeoutSeconds'] ?? '300') * 1000;
    const streams = query['sendInitialEvents'] === 'true';
    let version = Number(query['resourceVersion'] ?? '0');
    if (version === 0 || (streams && this.watchLists === 'served')) {
      version = this.#version;
      for (const object of this.#of(kind)) yield line('ADDED', object);
      if (streams && this.watchLists === 'served') yield bookmark(kind, version, true);
    }
    let quiet = this.#clock.now();
    while (this.#clock.now() < ends && !signal.aborted) {
      if (version < this.#compacted) {
        yield line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
        return;
      }
      const now = this.#version;
      for (const event of this.#events.filter((each) => each.kind === kind && each.version > version)) {
        yield line(event.type, event.object);
        quiet = this.#clock.now();
      }
      version = Math.max(version, now);
      if (this.#version > version) continue;
      if (this.bookmarks && this.#clock.now() - quiet >= 60_000 && version === this.#version) {
        yield bookmark(kind, version, false);
        quiet = this.#clock.now();
      }
      await this.#changed(Math.min(ends - this.#clock.now(), 60_000), signal);
    }
  }

  /** Resolves at the next change, or after the time. */
  async #changed(milliseconds: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#wakers.add(wake);
    signal.addEventListener('abort', wake);
    await sleep(this.#clock, milliseconds, woken.signal);
    signal.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
  }

  async *#spoilt(
    lines: AsyncGenerator<string>,
    fault: Fault | undefined,
    request: ApiRequest,
  ): AsyncGenerator<Buffer> {
    let left = fault && 'bytes' in fault ? (fault.bytes ?? 0) : Number.POSITIVE_INFINITY;
    if (fault?.kind === 'line') yield Buffer.from(`${fault.line}\n`);
    for (;;) {
      const next = await this.#before(lines.next(), request);
      if (next.done === true) return;
      this.#clock.stir += 1;
      const bytes = Buffer.from(next.value).subarray(0, left);
      left -= bytes.length;
      // In two pieces, so that every line is cut.
      yield bytes.subarray(0, bytes.length >> 1);
      yield bytes.subarray(bytes.length >> 1);
      if (left > 0) continue;
      if (fault?.kind === 'end') return;
      if (fault?.kind === 'silence') throw await this.#silence(request);
      throw new ApiError('NP-API-002', { server: 'https://simulation', reason: 'socket hang up' });
    }
  }

  /** What the connection brings next, or the end of it by abort or silence. */
  async #before<T>(next: Promise<T>, request: ApiRequest): Promise<T> {
    const over = new AbortController();
    const silence = this.#silence(request, over.signal);
    try {
      return await Promise.race([
        next,
        silence.then((error): never => {
          throw error;
        }),
      ]);
    } finally {
      over.abort();
    }
  }

  /** Resolves to the error, when the signal of the request aborts or its silence has become too long. */
  async #silence({ signal, silenceMilliseconds, what }: ApiRequest, over?: AbortSignal): Promise<Error> {
    const ended = new AbortController();
    const end = (): void => ended.abort();
    for (const each of [signal, over]) each?.addEventListener('abort', end);
    if (signal.aborted) end();
    await sleep(this.#clock, silenceMilliseconds, ended.signal);
    for (const each of [signal, over]) each?.removeEventListener('abort', end);
    if (signal.aborted) return signal.reason instanceof Error ? signal.reason : new Error('aborted');
    return new ApiError('NP-API-008', {
      server: 'https://simulation',
      ...what,
      seconds: silenceMilliseconds / 1000,
    });
  }

  #of(kind: ObjectKind): readonly Json[] {
    return [...this.#objects.values()].filter((each) => each.kind === kind).map(({ object }) => object);
  }
}

function kindOf({ kind }: Json): ObjectKind {
  if (kind === 'Service' || kind === 'EndpointSlice' || kind === 'Node' || kind === 'ServiceCIDR')
    return kind;
  throw new Error(`no such kind: ${String(kind)}`);
}

function line(type: string, object: Json): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function bookmark(kind: ObjectKind, version: number, endsInitialEvents: boolean): string {
  const annotations = endsInitialEvents ? { 'k8s.io/initial-events-end': 'true' } : {};
  return line('BOOKMARK', { kind, metadata: { resourceVersion: String(version), annotations } });
}

function status({ status: code, reason }: { readonly status: number; readonly reason?: string }): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'no' });
}

function answer(
  code: number,
  text: string,
  retryAfter?: number,
  mediaType = 'application/json',
): ApiResponse {
  return {
    status: code,
    mediaType,
    retryAfterSeconds: retryAfter,
    body: (async function* () {
      yield Buffer.from(text);
    })(),
  };
}
