import type { ObjectChange, ObjectKind } from '../../model/change.ts';
import type { Finding } from '../../model/finding.ts';
import { isRecord } from '../../model/read.ts';
import { decode } from '../decode.ts';

/** Which objects of one resource the server has told of, and what is wrong with them. The objects themselves go on in changes. */
export interface Holdings {
  /** The object in its new state. A broken one keeps its last good state, and is a finding until it is mended or gone. */
  put(raw: unknown): readonly ObjectChange[];
  remove(raw: unknown): readonly ObjectChange[];
  /** Begins a new list; until `commit` nothing changes. */
  relist(): Relist;
  findings(): readonly Finding[];
}

/** A list as it comes in. */
export interface Relist {
  put(raw: unknown): void;
  remove(raw: unknown): void;
  /** How many objects it has. */
  size(): number;
  /** The list counts from now on; what it does not have is gone. Gives what may have changed. */
  commit(): readonly ObjectChange[];
}

export interface ObjectType {
  readonly kind: ObjectKind;
  readonly apiVersion: string;
  /** As of `decode`. */
  readonly proxyName?: string | undefined;
}

/** By `namespace/name`: what is known of an object that was read, or why it could not be. */
interface State {
  /** Those that the model has: in use, also in an earlier state than the server's. */
  readonly used: Set<string>;
  readonly refused: Set<string>;
  readonly findings: Map<string, readonly Finding[]>;
  /** Objects of versions that we do not read, by `Kind (apiVersion)`. */
  readonly unknown: Map<string, string>;
}

export function createHoldings(type: ObjectType): Holdings {
  let state = emptyState();
  return {
    put: (raw) => put(state, type, raw),
    remove: (raw) => remove(state, type, raw),
    relist: () => {
      const next = emptyState();
      const changes = new Map<string, ObjectChange>();
      const note = (said: readonly ObjectChange[]): void => {
        for (const change of said) changes.set(change.key, change);
      };
      return {
        put: (raw) => note(put(next, type, raw)),
        remove: (raw) => note(remove(next, type, raw)),
        size: () => new Set([...next.used, ...next.refused, ...next.unknown.keys()]).size,
        commit: () => {
          const lost = [...state.used].filter((key) => !next.used.has(key));
          const kept = lost.filter((key) => next.refused.has(key) || next.unknown.has(key));
          for (const key of kept) next.used.add(key);
          state = next;
          const gone = lost.filter((key) => !next.used.has(key) && !changes.has(key));
          return [...changes.values(), ...gone.map((key) => without(type.kind, key))];
        },
      };
    },
    findings: () => [...[...state.findings.values()].flat(), ...unknownVersions(state)],
  };
}

function emptyState(): State {
  return { used: new Set(), refused: new Set(), findings: new Map(), unknown: new Map() };
}

function put(state: State, type: ObjectType, raw: unknown): readonly ObjectChange[] {
  const key = keyOf(raw);
  const decoded = decode(typed(raw, type), type.proxyName);
  state.refused.delete(key);
  state.findings.delete(key);
  state.unknown.delete(key);
  if (decoded.outcome === 'alien') {
    const object = `${type.kind} ${key}`;
    state.findings.set(key, [{ code: 'NP-OBJECT-001', object, field: '', reason: decoded.reason }]);
    state.refused.add(key);
    return [];
  }
  if (decoded.outcome === 'unknown') {
    state.unknown.set(key, decoded.kind);
    return [];
  }
  if (decoded.findings.length > 0) state.findings.set(key, decoded.findings);
  if (decoded.outcome === 'refuse') {
    state.refused.add(key);
    return [];
  }
  if (decoded.change.object === undefined) state.used.delete(key);
  // The very text that the snapshot keeps, not another of the same letters: there are ten thousands.
  else state.used.add(decoded.change.key === key ? decoded.change.key : key);
  return [decoded.change];
}

function remove(state: State, type: ObjectType, raw: unknown): readonly ObjectChange[] {
  const key = keyOf(raw);
  state.refused.delete(key);
  state.findings.delete(key);
  state.unknown.delete(key);
  return state.used.delete(key) ? [without(type.kind, key)] : [];
}

/** Items of a list lack their kind and apiVersion. */
function typed(raw: unknown, { kind, apiVersion }: ObjectType): unknown {
  return isRecord(raw) && !Object.hasOwn(raw, 'kind') ? { kind, apiVersion, ...raw } : raw;
}

/** `namespace/name` as it stands, before the readers have looked at it. */
function keyOf(raw: unknown): string {
  const metadata = isRecord(raw) && isRecord(raw['metadata']) ? raw['metadata'] : {};
  const { namespace, name } = { namespace: metadata['namespace'], name: metadata['name'] };
  const last = typeof name === 'string' ? name : `(${JSON.stringify(name)})`;
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}/${last}` : last;
}

function without(kind: ObjectKind, key: string): ObjectChange {
  return { kind, key, object: undefined };
}

/** One finding for each kind, however many objects. */
function unknownVersions({ unknown }: State): readonly Finding[] {
  const counts = new Map<string, number>();
  for (const kind of unknown.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([object, count]) => ({
    code: 'NP-OBJECT-004',
    object,
    field: '',
    reason: count === 1 ? 'one object is ignored' : `${count} objects are ignored`,
  }));
}
