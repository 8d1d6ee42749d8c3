import type { EndpointSlice } from './endpoint.ts';
import type { Node } from './node.ts';
import type { Service } from './service.ts';
import type { Snapshot } from './snapshot.ts';

/** One object heard from the cluster in its new state; `object: undefined` means that it is gone. `key` is `namespace/name` or `name`. */
export type ObjectChange =
  | { readonly kind: 'Service'; readonly key: string; readonly object: Service | undefined }
  | { readonly kind: 'EndpointSlice'; readonly key: string; readonly object: EndpointSlice | undefined }
  | { readonly kind: 'Node'; readonly key: string; readonly object: Node | undefined }
  | { readonly kind: 'ServiceCIDR'; readonly key: string; readonly object: readonly string[] | undefined };

export type ObjectKind = ObjectChange['kind'];

export type { Snapshot };
