import { printable } from '../../model/printable.ts';
import { isRecord } from '../../model/read.ts';
import type { ApiAction } from './client.ts';
import { ErrorEvent } from './failure.ts';
import { Malformed, parseJson } from './malformed.ts';

/** A line of a watch. */
export type WatchEvent =
  | { readonly type: 'put' | 'remove'; readonly raw: unknown; readonly version: string }
  | { readonly type: 'bookmark'; readonly version: string; readonly endsInitialEvents: boolean }
  /** A type that does not exist yet. */
  | { readonly type: 'unknown' };

/** @throws Malformed; ErrorEvent for an event of type ERROR */
export function readWatchEvent(line: string, about: ApiAction & { readonly server: string }): WatchEvent {
  const event = parseJson(line);
  if (!isRecord(event) || typeof event['type'] !== 'string' || !isRecord(event['object'])) {
    throw new Malformed('a line is no event of a watch');
  }
  const { type, object } = { type: event['type'], object: event['object'] };
  if (type === 'ERROR') throw errorOf(object, about);
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  return read?.(object) ?? { type: 'unknown' };
}

type Json = Readonly<Record<string, unknown>>;

const readers: Readonly<Record<string, (raw: Json) => WatchEvent>> = {
  ADDED: (raw) => ({ type: 'put', raw, version: versionOf(raw) }),
  MODIFIED: (raw) => ({ type: 'put', raw, version: versionOf(raw) }),
  DELETED: (raw) => ({ type: 'remove', raw, version: versionOf(raw) }),
  BOOKMARK: (raw) => ({
    type: 'bookmark',
    version: versionOf(raw),
    endsInitialEvents: endsInitialEvents(raw),
  }),
};

function versionOf(raw: Json): string {
  const version = isRecord(raw['metadata']) ? raw['metadata']['resourceVersion'] : undefined;
  if (typeof version === 'string' && version !== '') return version;
  throw new Malformed('an event has no resourceVersion');
}

/** KEP-3157. */
function endsInitialEvents({ metadata }: Json): boolean {
  const annotations = isRecord(metadata) ? metadata['annotations'] : undefined;
  return isRecord(annotations) && annotations['k8s.io/initial-events-end'] === 'true';
}

/** The object is a Status. */
function errorOf(raw: Json, about: ApiAction & { readonly server: string }): ErrorEvent {
  const { code, reason, message, details } = {
    code: raw['code'],
    reason: raw['reason'],
    message: raw['message'],
    details: raw['details'],
  };
  const status = typeof code === 'number' ? code : undefined;
  const asked = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  const said = typeof message === 'string' ? `: ${printable(message)}` : '';
  return new ErrorEvent(
    'NP-API-006',
    {
      server: about.server,
      verb: about.verb,
      resource: about.resource,
      status: status ?? 'unknown',
      reason: said,
    },
    {
      status,
      reason: typeof reason === 'string' ? reason : undefined,
      retryAfterSeconds: typeof asked === 'number' && asked > 0 ? asked : undefined,
    },
  );
}
