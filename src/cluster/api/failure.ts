import { ApiError } from './client.ts';

/** The server does not know that version any more: it was compacted away. */
export function isExpired(thrown: unknown): boolean {
  if (!(thrown instanceof ApiError)) return false;
  return thrown.status === 410 || thrown.reason === 'Expired' || thrown.reason === 'Gone';
}

/**
 * The server cannot answer for that version: too old, or newer than any it has ("Too large resource version", a 504 with reason
 * Timeout), as after etcd was restored from a backup. A plain time-out looks the same, and asking for the newest state does no harm.
 */
export function isVersionUnavailable(thrown: unknown): boolean {
  if (isExpired(thrown)) return true;
  return thrown instanceof ApiError && (thrown.status === 504 || thrown.reason === 'Timeout');
}

/** Nobody was there to answer. */
export function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof ApiError && unreachable.has(thrown.code) && !thrown.wasCut;
}

const unreachable: ReadonlySet<string> = new Set(['NP-API-002', 'NP-API-003', 'NP-API-009']);

/** How long the server asks us to wait; 0: it does not. */
export function askedMilliseconds(thrown: unknown): number {
  return thrown instanceof ApiError ? (thrown.retryAfterSeconds ?? 0) * 1000 : 0;
}

/** An event of type ERROR: the watch told all it could, something may be missing. */
export class ErrorEvent extends ApiError {}

/** The server does not stream lists: it sends no end of the initial events. */
export class NoInitialEvents extends ApiError {}
