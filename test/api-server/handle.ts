import type { Faults } from './faults.ts';
import { createLister, type ListRequest } from './list.ts';
import { plainReply, type Reply, resetConnection, spoil, type Wire } from './reply.ts';
import type { Seen } from './requests.ts';
import { inside, isJson, type Json, keyOf, type Place, placeOf } from './resources.ts';
import { type Selects, selectorOf, UnknownField } from './selectors.ts';
import { type Failure, failure, statusText } from './statuses.ts';
import type { Store } from './store.ts';
import { bookmarkLine, type WatchSettings, watch } from './watch.ts';

/** How the server behaves; may be changed while it runs. */
export interface Settings extends WatchSettings {
  /** A server before 1.31: answers 400 to selectors by fields of a Service's spec. */
  readonly oldSelectors: boolean;
  /** The API has ServiceCIDRs (from 1.33 on); else 404. */
  readonly serviceCidrs: boolean;
  /** Tokens that are accepted, beside client certificates of the server's authority; undefined: everybody. */
  readonly tokens: readonly string[] | undefined;
  /** `list services`: what gets 403. */
  readonly forbidden: readonly string[];
}

/** One request with all that is needed to answer it. */
export interface Call {
  readonly seen: Seen;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly wire: Wire;
}

export type Handle = (call: Call) => void;

export function createHandle(store: Store, faults: Faults, settings: () => Settings): Handle {
  const lister = createLister(store);
  return (call) => {
    const { seen, wire } = call;
    const fault = faults.take(seen);
    if (fault) {
      const met = instead(fault, call);
      if (met) return;
    }
    const place = placeOf(seen.path);
    const quiet = place ? bookmarkLine(store, place.resource) : '';
    const reply = fault ? spoil(fault, plainReply(wire), wire, quiet) : plainReply(wire);
    const wrong = answer(call, place, reply);
    if (wrong) fail(reply, wrong);
  };

  function answer(call: Call, place: Place | undefined, reply: Reply): Failure | undefined {
    const { seen, query, wire } = call;
    if (!known(seen, settings())) return failure(401, 'Unauthorized');
    if (seen.path === '/version') return done(reply, { major: '1', minor: '36', gitVersion: 'v1.36.3' });
    if (!place || (place.resource.kind === 'ServiceCIDR' && !settings().serviceCidrs))
      return notServed(seen, reply);
    const denied = denial(seen, place, settings());
    if (denied) return denied;
    if (seen.method !== 'GET') return write(store, call, place, reply);
    if (place.name !== undefined) return get(store, place, reply);
    try {
      const { resource, namespace } = place;
      const chosen = selectorOf(query, resource, settings().oldSelectors);
      const selects: Selects =
        namespace === undefined
          ? chosen
          : (object) => inside(object, 'metadata')['namespace'] === namespace && chosen(object);
      const request: ListRequest = { resource, query, selects };
      return seen.watch ? watch(store, settings(), request, reply, wire) : lister.list(request, reply);
    } catch (error) {
      if (error instanceof UnknownField) return failure(400, error.message);
      throw error;
    }
  }
}

/** Faults that leave nothing of the true answer. @returns whether the fault was one of them. */
function instead(fault: ReturnType<Faults['take']> & {}, { wire, seen }: Call): boolean {
  const { response } = wire;
  const reply = plainReply(wire);
  switch (fault.kind) {
    case 'close':
      response.destroy();
      return true;
    case 'reset':
      if (fault.when === 'body') return false;
      resetConnection(wire);
      return true;
    case 'silence':
      return fault.after === 'request';
    case 'status':
      fail(reply, failure(fault.status, fault.message ?? 'a fault was asked for', fault));
      return true;
    case 'gone':
      if (fault.how === 'status' || !seen.watch) fail(reply, failure(410, 'too old resource version: 1 (2)'));
      else event410(reply);
      return true;
    case 'html':
      page(
        reply,
        200,
        { 'content-type': 'text/html; charset=utf-8' },
        '<!doctype html><title>Log in</title>\n',
      );
      return true;
    case 'redirect':
      page(reply, 302, { location: fault.to }, '');
      return true;
    case 'answer':
      page(reply, fault.status, fault.headers, fault.body);
      return true;
    case 'close-mid-line':
    case 'malformed-line':
    case 'giant-line':
    case 'gzip':
    case 'trickle':
      return false;
  }
}

function event410(reply: Reply): void {
  const status = statusText(failure(410, 'too old resource version: 1 (2)')).trim();
  page(reply, 200, { 'content-type': 'application/json' }, `{"type":"ERROR","object":${status}}\n`);
}

function known({ authorization, certificate }: Seen, { tokens }: Settings): boolean {
  if (tokens === undefined || certificate !== undefined) return true;
  return tokens.some((token) => authorization === `Bearer ${token}`);
}

function denial(
  { watch: watching, method }: Seen,
  place: Place,
  { forbidden }: Settings,
): Failure | undefined {
  const reading = watching ? 'watch' : place.name === undefined ? 'list' : 'get';
  const verb = { POST: 'create', PATCH: 'patch' }[method] ?? reading;
  const { name, apiVersion } = place.resource;
  if (!forbidden.includes(`${verb} ${name}`)) return undefined;
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const message = `${name} is forbidden: User "system:serviceaccount:kube-system:nodeplane" cannot ${verb} resource "${name}" in API group "${group}" at the cluster scope`;
  return failure(403, message, { details: { group, kind: name } });
}

function get(store: Store, { resource, namespace, name }: Place, reply: Reply): Failure | undefined {
  const stored = store.get(resource, namespace === undefined ? String(name) : `${namespace}/${name}`);
  return stored ? done(reply, stored.object) : failure(404, `${resource.name} "${name}" not found`);
}

/** POST creates, PATCH merges (RFC 7386). */
function write(store: Store, { seen, body }: Call, place: Place, reply: Reply): Failure | undefined {
  const { resource, namespace, name } = place;
  const value: unknown = JSON.parse(body);
  if (!isJson(value)) return failure(400, 'the body is no object');
  const { apiVersion, kind } = resource;
  if (seen.method === 'POST') {
    const object = { ...value, apiVersion, kind, metadata: { namespace, ...inside(value, 'metadata') } };
    if (store.get(resource, keyOf(object)))
      return failure(409, `${resource.name} already exists`, { reason: 'AlreadyExists' });
    return done(reply, store.put(object).object, 201);
  }
  const old = store.get(resource, `${namespace}/${name}`);
  if (!old) return failure(404, `${resource.name} "${name}" not found`);
  return done(reply, store.put(merge(old.object, value)).object);
}

function merge(object: Json, patch: Json): Json {
  const merged: Record<string, unknown> = { ...object };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field];
    else merged[field] = isJson(value) ? merge(inside(object, field), value) : value;
  }
  return merged;
}

/** A resource that its API group does not have, and a path of no group at all. */
function notServed({ path }: Seen, reply: Reply): Failure | undefined {
  if (/^\/(api|apis\/[^/]+)\/v1\//.test(path)) {
    return failure(404, 'the server could not find the requested resource', { details: {} });
  }
  page(reply, 404, { 'content-type': 'text/plain; charset=utf-8' }, '404 page not found\n');
  return undefined;
}

function done(reply: Reply, object: Json, status = 200): undefined {
  page(reply, status, { 'content-type': 'application/json' }, `${JSON.stringify(object)}\n`);
}

function fail(reply: Reply, wrong: Failure): void {
  const { status, retryAfterSeconds } = wrong;
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  page(reply, status, { 'content-type': 'application/json', ...retry }, statusText(wrong));
}

function page(reply: Reply, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  reply.head(status, headers);
  if (body !== '') reply.write(body);
  reply.end();
}
