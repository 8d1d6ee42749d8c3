import { type Family, families } from './address.ts';
import type { EndpointSlice } from './endpoint.ts';
import { differences } from './immutable-map.ts';
import type { Node } from './node.ts';
import type { Service } from './service.ts';
import type { ServicePort, Snapshot } from './snapshot.ts';

/** One object heard from the cluster in its new state; `object: undefined` means that it is gone. `key` is `namespace/name` or `name`. */
export type ObjectChange =
  | { readonly kind: 'Service'; readonly key: string; readonly object: Service | undefined }
  | { readonly kind: 'EndpointSlice'; readonly key: string; readonly object: EndpointSlice | undefined }
  | { readonly kind: 'Node'; readonly key: string; readonly object: Node | undefined }
  | { readonly kind: 'ServiceCIDR'; readonly key: string; readonly object: readonly string[] | undefined };

export type ObjectKind = ObjectChange['kind'];

/** What differs in one ServicePort between two snapshots. */
export interface ServicePortChange {
  readonly key: string;
  /** Undefined: it is new. */
  readonly before: ServicePort | undefined;
  /** Undefined: it is gone. */
  readonly after: ServicePort | undefined;
  /** Some field of the Service differs, perhaps one of another port. True for new and gone. */
  readonly service: boolean;
  /** The families whose endpoints differ. For new and gone: those that have or had any. */
  readonly endpoints: readonly Family[];
}

/** What differs between two snapshots. Empty and false when they say the same. */
export interface SnapshotChange {
  /** Sorted by key. */
  readonly servicePorts: readonly ServicePortChange[];
  readonly node: boolean;
  readonly serviceCIDRs: boolean;
}

/**
 * What differs between two snapshots of one history. Costs as much as there are differences, because they share what is equal; of
 * snapshots without a common history every port counts as changed.
 */
export function changesBetween(before: Snapshot, after: Snapshot): SnapshotChange {
  return {
    servicePorts: changedServicePorts(before, after),
    node: before.node !== after.node,
    serviceCIDRs: !differences(before.serviceCIDRs, after.serviceCIDRs).next().done,
  };
}

/** The ServicePorts that differ, sorted by key. */
export function changedServicePorts(before: Snapshot, after: Snapshot): readonly ServicePortChange[] {
  const changed = [...differences(before.servicePorts, after.servicePorts)].map((difference) => ({
    ...difference,
    service: difference.before?.service !== difference.after?.service,
    endpoints: families.filter((family) => endpointsDiffer(family, difference.before, difference.after)),
  }));
  return changed.sort((one, other) => (one.key < other.key ? -1 : 1));
}

function endpointsDiffer(
  family: Family,
  before: ServicePort | undefined,
  after: ServicePort | undefined,
): boolean {
  const [old, now] = [before?.endpoints[family] ?? [], after?.endpoints[family] ?? []];
  return old !== now && old.length + now.length > 0;
}

export type { Snapshot };
