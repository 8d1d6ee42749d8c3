import { isRecord } from '../../model/read.ts';
import { ApiError, type ApiResponse } from './client.ts';
import { type Access, exchange } from './exchange.ts';
import { isExpired } from './failure.ts';
import type { Holdings, Relist } from './holdings.ts';
import { Malformed, parseJson } from './malformed.ts';
import { createItemSplitter } from './split-items.ts';

/** A list that has come in whole. */
export interface Listed {
  readonly relist: Relist;
  /** The resourceVersion to watch from. */
  readonly version: string;
}

export interface ListQuery {
  /** At least as new as this; `0`: whatever the server has at hand; empty: the newest. */
  readonly version: string;
  readonly fieldSelector: string | undefined;
}

/** So many objects a page, as client-go asks for. */
const pageSize = 500;

/** A server that is well needs fewer pages. */
const mostPages = 2000;

/** Lists all objects into a fresh list of the holdings, page by page, each item parsed by itself. Nothing is committed. @throws ApiError */
export async function list(
  access: Access,
  query: ListQuery,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<Listed> {
  // With a version the cache of the server answers, but only without a limit (client-go: to spare etcd).
  const paged = query.version === '' || query.version === '0';
  const deadline = access.clock.now() + access.times.list;
  try {
    return await listPages(access, query, { paged, deadline, relist: holdings.relist() }, signal);
  } catch (thrown) {
    if (!(thrown instanceof ExpiredPage)) throw thrown;
    // The version of the first page was compacted before the last one was read: all in one, then.
    return listPages(access, query, { paged: false, deadline, relist: holdings.relist() }, signal);
  }
}

class ExpiredPage extends Error {
  override readonly name = 'ExpiredPage';
}

interface Pages {
  readonly paged: boolean;
  readonly deadline: number;
  readonly relist: Relist;
}

async function listPages(
  access: Access,
  { version, fieldSelector }: ListQuery,
  pages: Pages,
  signal: AbortSignal,
): Promise<Listed> {
  let first: string | undefined;
  let token = '';
  for (let count = 0; count < mostPages; count++) {
    const resourceVersion = token === '' ? version : undefined;
    const limit = pages.paged ? pageSize : undefined;
    const query = { fieldSelector, limit, resourceVersion, continue: token };
    const page = await listPage(access, query, pages, signal).catch((thrown: unknown) => {
      throw token !== '' && isExpired(thrown)
        ? new ExpiredPage('a later page is gone', { cause: thrown })
        : thrown;
    });
    first ??= page.version;
    if (page.token === '') return { relist: pages.relist, version: first };
    token = page.token;
  }
  throw new ApiError('NP-API-007', {
    ...aboutList(access),
    reason: `the list has more than ${mostPages} pages`,
  });
}

async function listPage(
  access: Access,
  query: Readonly<Record<string, string | number | undefined>>,
  { deadline, relist }: Pages,
  signal: AbortSignal,
): Promise<{ readonly version: string; readonly token: string }> {
  const { clock, times } = access;
  const ask = { verb: 'list', query, silenceMilliseconds: times.listSilence } as const;
  return exchange(access, ask, signal, async (response, cut) => {
    const reason = `the list is not complete after ${times.list / 1000} s`;
    const late = new ApiError('NP-API-010', { ...aboutList(access), reason });
    const cancel = clock.after(deadline - clock.now(), () => cut(late));
    try {
      return metadataOf(await readItems(access, response, relist));
    } finally {
      cancel();
    }
  });
}

function aboutList({ client, resource }: Access) {
  return { server: client.server, verb: 'list', resource: resource.name };
}

/** Gives the list without its items. */
async function readItems({ breathe }: Access, response: ApiResponse, relist: Relist): Promise<unknown> {
  const splitter = createItemSplitter();
  for await (const chunk of response.body) {
    for (const text of splitter.push(chunk)) {
      relist.put(parseJson(text));
      const pause = breathe();
      if (pause) await pause;
    }
  }
  return splitter.end();
}

function metadataOf(rest: unknown): { readonly version: string; readonly token: string } {
  const { kind, metadata } = isRecord(rest) ? { kind: rest['kind'], metadata: rest['metadata'] } : {};
  if (typeof kind !== 'string' || !kind.endsWith('List') || !isRecord(metadata)) {
    throw new Malformed('it is no list of objects');
  }
  const { version, token } = { version: metadata['resourceVersion'], token: metadata['continue'] ?? '' };
  if (typeof version !== 'string' || version === '' || typeof token !== 'string') {
    throw new Malformed('the list has no resourceVersion');
  }
  return { version, token };
}
