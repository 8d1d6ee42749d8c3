import type { ApiClient, ApiRequest, ApiResponse } from '../../src/cluster/api/client.ts';

/** How the server answers; an Error: not at all. */
export type Reply =
  | Error
  | { readonly status: number; readonly retryAfterSeconds?: number; readonly body?: unknown };

/** An API server that keeps the Events it is told of, and answers as it is told to. */
export class FakeEventsApi implements ApiClient {
  readonly server = 'https://10.0.0.1:6443';
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly type: string;
    readonly body: Record<string, unknown>;
  }[] = [];
  /** What it answers instead of doing what is asked. */
  reply: ((request: ApiRequest) => Reply | undefined) | undefined;
  /** Requests are left without an answer until they are aborted. */
  silent = false;
  readonly #paths = new Set<string>();

  async open(request: ApiRequest): Promise<ApiResponse> {
    const { method, path, body, signal } = request;
    const content: unknown = JSON.parse(body?.text ?? '{}');
    this.requests.push({ method, path, type: body?.type ?? '', body: { ...Object(content) } });
    signal.throwIfAborted();
    if (this.silent)
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const reply = this.reply?.(request) ?? this.#do(method, path, content);
    if (reply instanceof Error) throw reply;
    const text = JSON.stringify(reply.body ?? {});
    return {
      status: reply.status,
      mediaType: 'application/json',
      retryAfterSeconds: reply.retryAfterSeconds,
      body: (async function* () {
        yield Buffer.from(text);
      })(),
    };
  }

  close(): void {
    this.#paths.clear();
  }

  /** An hour has passed: Events are gone. */
  forget(): void {
    this.#paths.clear();
  }

  #do(method: string, path: string, content: unknown): Reply {
    if (method === 'POST') {
      const { metadata } = Object(content);
      this.#paths.add(`${path}/${metadata.name}`);
      return { status: 201, body: content };
    }
    if (this.#paths.has(path)) return { status: 200 };
    return { status: 404, body: { kind: 'Status', reason: 'NotFound', details: { kind: 'events' } } };
  }
}
