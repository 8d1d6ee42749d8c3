import { randomBytes } from 'node:crypto';
import type { Reply } from './reply.ts';
import type { Resource } from './resources.ts';
import type { Selects } from './selectors.ts';
import { expired, type Failure, failure } from './statuses.ts';
import type { Store, Stored } from './store.ts';

export interface ListRequest {
  readonly resource: Resource;
  readonly query: URLSearchParams;
  readonly selects: Selects;
}

/** Answers lists, page by page when asked with `limit` and without `resourceVersion=0`, as the watch cache does. */
export interface Lister {
  /** @returns what is wrong with the request; else the list has been written. */
  list(request: ListRequest, reply: Reply): Failure | undefined;
}

interface Page {
  readonly version: number;
  readonly rest: readonly Stored[];
}

export function createLister(store: Store): Lister {
  const pages = new Map<string, Page>();
  return {
    list({ resource, query, selects }, reply) {
      const token = query.get('continue');
      const begun =
        token === null || token === '' ? begin(store, resource, query, selects) : pages.get(token);
      if (!begun || ('version' in begun && begun.version < store.compacted)) {
        const text = 'The provided continue parameter is too old to display a consistent list result.';
        return failure(410, text);
      }
      if ('status' in begun) return begun;
      const limit = query.get('resourceVersion') === '0' ? 0 : Number(query.get('limit') ?? 0);
      const count = limit > 0 ? limit : begun.rest.length;
      const rest = begun.rest.slice(count);
      const next = rest.length > 0 ? randomBytes(9).toString('base64url') : undefined;
      if (next !== undefined) pages.set(next, { version: begun.version, rest });
      write(reply, resource, begun.version, begun.rest.slice(0, count), next);
      return undefined;
    },
  };
}

function begin(store: Store, resource: Resource, query: URLSearchParams, selects: Selects): Page | Failure {
  const asked = query.get('resourceVersion') ?? '';
  if (Number(asked) > store.version) {
    return failure(504, `Too large resource version: ${asked}, current: ${store.version}`, {
      retryAfterSeconds: 1,
      details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
    });
  }
  if (query.get('resourceVersionMatch') === 'Exact' && Number(asked) < store.compacted) {
    return expired(asked, store.compacted);
  }
  return { version: store.version, rest: store.list(resource).filter(({ object }) => selects(object)) };
}

function write(
  reply: Reply,
  { apiVersion, kind }: Resource,
  version: number,
  items: readonly Stored[],
  next: string | undefined,
): void {
  const metadata = { resourceVersion: String(version), ...(next === undefined ? {} : { continue: next }) };
  reply.head(200, { 'content-type': 'application/json' });
  reply.write(
    `{"kind":"${kind}List","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
  );
  for (const [index, stored] of items.entries()) {
    const text = itemOf(stored);
    reply.write(index === 0 ? text : `,${text}`);
  }
  reply.write(']}\n');
  reply.end();
}

/** Items of a list do not say what they are: only the list does. */
function itemOf({ object }: Stored): string {
  const { apiVersion: _apiVersion, kind: _kind, ...item } = object;
  return JSON.stringify(item);
}
