import { randomUUID } from 'node:crypto';
import { inside, type Json, keyOf, type Resource, resourceOf } from './resources.ts';

/** An object as it is stored: with uid, creationTimestamp, resourceVersion and managedFields. */
export interface Stored {
  readonly resource: Resource;
  readonly key: string;
  readonly object: Json;
  readonly text: string;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly stored: Stored;
  /** The object before the change. */
  readonly before: Stored | undefined;
}

/** What etcd and the watch cache are for a real server: objects, one counter of versions, and the changes since some version. */
export interface Store {
  /** Version of the last change. */
  readonly version: number;
  /** Changes up to and including this version are forgotten. */
  readonly compacted: number;
  /** Creates or replaces; the object's resourceVersion is given by the server. */
  put(object: Json): Stored;
  /** @returns false when it was not there. */
  remove(resource: Resource, key: string): boolean;
  get(resource: Resource, key: string): Stored | undefined;
  /** Sorted by key, as etcd gives them. */
  list(resource: Resource): readonly Stored[];
  /** Changes after the version, oldest first. */
  since(resource: Resource, version: number): readonly Change[];
  /** Forgets all changes so far: watches from older versions get 410. */
  readonly compact: () => void;
  /** Raises the version without a change, as writes to other resources do. */
  pass(versions: number): void;
  subscribe(listener: (change: Change) => void): () => void;
}

/** Older ones are forgotten, as by the watch cache, so that a soak does not fill the memory. */
const mostChanges = 40_000;

export function createStore(): Store {
  const objects = new Map<Resource, Map<string, Stored>>();
  const listeners = new Set<(change: Change) => void>();
  let changes: Change[] = [];
  let version = 1000;
  let compacted = version;
  const of = (resource: Resource): Map<string, Stored> => {
    const map = objects.get(resource) ?? new Map<string, Stored>();
    objects.set(resource, map);
    return map;
  };
  const tell = (change: Change): void => {
    changes.push(change);
    if (changes.length > mostChanges) {
      compacted = changes[mostChanges / 2 - 1]?.version ?? compacted;
      changes = changes.slice(mostChanges / 2);
    }
    for (const listener of listeners) listener(change);
  };
  return {
    get version() {
      return version;
    },
    get compacted() {
      return compacted;
    },
    put(object) {
      version += 1;
      const resource = resourceOf(object);
      const key = keyOf(object);
      const before = of(resource).get(key);
      const stored = store(resource, object, version, before);
      of(resource).set(key, stored);
      tell({ type: before ? 'MODIFIED' : 'ADDED', version, stored, before });
      return stored;
    },
    remove(resource, key) {
      const before = of(resource).get(key);
      if (!before) return false;
      version += 1;
      of(resource).delete(key);
      tell({ type: 'DELETED', version, stored: store(resource, before.object, version, before), before });
      return true;
    },
    get: (resource, key) => of(resource).get(key),
    list: (resource) => [...of(resource).values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    since: (resource, after) =>
      changes.filter((change) => change.version > after && change.stored.resource === resource),
    compact() {
      changes = [];
      compacted = version;
    },
    pass(versions) {
      version += versions;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Adds what the API server adds to an object. */
function store(resource: Resource, object: Json, version: number, before: Stored | undefined): Stored {
  const old = before ? inside(before.object, 'metadata') : {};
  const { namespace, name, ...metadata } = inside(object, 'metadata');
  const full = {
    ...object,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: old['uid'] ?? metadata['uid'] ?? randomUUID(),
      creationTimestamp: old['creationTimestamp'] ?? '2026-01-05T10:00:00Z',
      managedFields: managedFields(resource, object),
      ...metadata,
      resourceVersion: String(version),
    },
  };
  return { resource, key: keyOf(object), object: full, text: JSON.stringify(full) };
}

/** Who wrote which field: a third of what a real object weighs. */
function managedFields({ apiVersion }: Resource, object: Json): readonly Json[] {
  const { metadata: _metadata, apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  const fieldsV1 = { 'f:metadata': { 'f:labels': { '.': {} } }, ...fields(rest) };
  const time = '2026-01-05T10:00:00Z';
  return [
    {
      manager: 'kube-controller-manager',
      operation: 'Update',
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1,
    },
  ];
}

function fields(value: Json): Json {
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [
      `f:${name}`,
      typeof held === 'object' && held !== null && !Array.isArray(held) ? fields({ ...held }) : {},
    ]),
  );
}
