import type { ObjectKind } from '../model/change.ts';

/** What a source tells of its own work, for the log and metrics. Manifests tell nothing of the kind. */
export type SourceEvent =
  /** All objects of the kind were heard: at the start, and again when the server no longer knew our version. */
  | {
      readonly kind: 'listed';
      readonly resource: ObjectKind;
      readonly how: 'watch-list' | 'list';
      readonly objects: number;
      readonly milliseconds: number;
    }
  /** The server spoke: an event or a bookmark. */
  | { readonly kind: 'heard'; readonly resource: ObjectKind }
  /** A watch ended as they all do after some minutes, and the next one begins. */
  | { readonly kind: 'resumed'; readonly resource: ObjectKind }
  /** A list or watch failed and is tried again. `unchanged`: the same as the time before, so not worth a line in the log. */
  | {
      readonly kind: 'failed';
      readonly resource: ObjectKind;
      readonly error: Error;
      readonly unchanged: boolean;
      readonly retryMilliseconds: number;
    }
  /** The API does not have the resource, or we may not read it, and it can be done without: ServiceCIDR. */
  | { readonly kind: 'without'; readonly resource: ObjectKind; readonly reason: string };
