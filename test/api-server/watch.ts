import type { ListRequest } from './list.ts';
import type { Reply, Wire } from './reply.ts';
import type { Resource } from './resources.ts';
import { expired, type Failure, failure, statusText } from './statuses.ts';
import type { Change, Store, Stored } from './store.ts';

export interface WatchSettings {
  /** `ignored`: as servers before 1.27; `refused`: as later ones whose feature gate is off (1.33). */
  readonly watchList: 'served' | 'ignored' | 'refused';
  /** Between bookmarks; a real server sends one about every minute. */
  readonly bookmarkMilliseconds: number;
}

/** Writes events until the watch's time is over or the client goes. @returns what is wrong with the request. */
export function watch(
  store: Store,
  settings: WatchSettings,
  request: ListRequest,
  reply: Reply,
  wire: Wire,
): Failure | undefined {
  const { query } = request;
  const refused = refusal(settings, query);
  if (refused) return refused;
  const bookmarks = query.get('allowWatchBookmarks') === 'true';
  const asked = query.get('resourceVersion') ?? '';
  reply.head(200, { 'content-type': 'application/json' });
  if (Number(asked) > 0 && Number(asked) < store.compacted && !initialWanted(settings, query)) {
    reply.write(line('ERROR', statusText(expired(asked, store.compacted)).trim()));
    reply.end();
    return undefined;
  }
  const tell = (change: Change): void => {
    const event = eventOf(change, request);
    if (event !== undefined) reply.write(event);
  };
  const bookmark = (more: string): void => reply.write(bookmarkLine(store, request.resource, more));
  begin(store, settings, request, reply, tell, bookmark);
  const unsubscribe = store.subscribe(tell);
  const timer = bookmarks ? setInterval(() => bookmark(''), settings.bookmarkMilliseconds) : undefined;
  const end = setTimeout(() => reply.end(), Number(query.get('timeoutSeconds') ?? 3000) * 1000);
  wire.response.on('close', () => {
    unsubscribe();
    clearInterval(timer);
    clearTimeout(end);
  });
  return undefined;
}

function refusal({ watchList }: WatchSettings, query: URLSearchParams): Failure | undefined {
  if (!query.has('sendInitialEvents') || watchList === 'ignored') return undefined;
  const field = 'ListOptions.meta.k8s.io "" is invalid:';
  if (watchList === 'refused') {
    return failure(
      422,
      `${field} sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled`,
    );
  }
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    return failure(
      422,
      `${field} resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
    );
  }
  return undefined;
}

/** What the client has missed: everything, or the changes since its version. */
function begin(
  store: Store,
  settings: WatchSettings,
  { resource, query, selects }: ListRequest,
  reply: Reply,
  tell: (change: Change) => void,
  bookmark: (annotations: string) => void,
): void {
  const asked = query.get('resourceVersion') ?? '';
  const streamed = initialWanted(settings, query);
  if (streamed || asked === '' || asked === '0') {
    const objects = store.list(resource).filter(({ object }) => selects(object));
    for (const { text } of objects) reply.write(line('ADDED', text));
  } else {
    for (const change of store.since(resource, Number(asked))) tell(change);
  }
  if (streamed && query.get('allowWatchBookmarks') === 'true') {
    bookmark(',"annotations":{"k8s.io/initial-events-end":"true"}');
  }
}

function initialWanted({ watchList }: WatchSettings, query: URLSearchParams): boolean {
  return watchList === 'served' && query.get('sendInitialEvents') === 'true';
}

/** An object that comes into the selection is ADDED to it, one that leaves it is DELETED. */
function eventOf({ type, stored, before }: Change, { resource, selects }: ListRequest): string | undefined {
  if (stored.resource !== resource) return undefined;
  const was = before !== undefined && selects(before.object);
  const is = type !== 'DELETED' && selects(stored.object);
  if (was && is) return line('MODIFIED', stored.text);
  if (is) return line('ADDED', stored.text);
  return was ? line('DELETED', lastSeen(before, stored).text) : undefined;
}

/** A deleted object is told as it was before, with the version of its deletion. */
function lastSeen(before: Stored, { object }: Stored): Pick<Stored, 'text'> {
  const { metadata } = object;
  const version = JSON.stringify(metadata).match(/"resourceVersion":"\d+"/)?.[0] ?? '';
  return { text: before.text.replace(/"resourceVersion":"\d+"/, version) };
}

/** What Go writes of an object without values. */
const emptyFields: Readonly<Record<string, string>> = {
  Service: ',"spec":{},"status":{"loadBalancer":{}}',
  EndpointSlice: ',"addressType":"","endpoints":null,"ports":null',
  Node: ',"spec":{},"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{}}',
  ServiceCIDR: ',"spec":{},"status":{}',
};

/** @param more further fields of the metadata, with a comma before them. */
export function bookmarkLine({ version }: Store, { kind, apiVersion }: Resource, more = ''): string {
  const metadata = `{"resourceVersion":"${version}"${more}}`;
  const empty = emptyFields[kind] ?? '';
  return line('BOOKMARK', `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${metadata}${empty}}`);
}

function line(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}
