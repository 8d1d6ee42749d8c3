import type { Family } from './address.ts';
import type { Endpoint, EndpointSlice } from './endpoint.ts';
import { type ImmutableMap, immutableMap } from './immutable-map.ts';
import type { Node } from './node.ts';
import type { PortSpec, Service } from './service.ts';

/** One port of a Service with its endpoints: the unit that everything downstream is keyed by. */
export interface ServicePort {
  /** `ns/svc:port/tcp`: the ServicePortName and the protocol in lower case. */
  readonly key: string;
  /** ServicePortName: `ns/svc:port`. */
  readonly name: string;
  readonly service: Service;
  readonly port: PortSpec;
  /** All endpoints heard of, ready or not, one per `address:port`, sorted by that text. */
  readonly endpoints: Readonly<Record<Family, readonly Endpoint[]>>;
}

/**
 * What is known of the cluster at one moment: validated, joined, immutable. Snapshots share what did not change, so that an
 * unchanged service port is the same object in both.
 */
export interface Snapshot {
  readonly nodeName: string;
  /** Undefined until the Node object was heard. */
  readonly node: Node | undefined;
  /** By `namespace/name`. */
  readonly services: ImmutableMap<Service>;
  /** By `namespace/name` of the slice. */
  readonly slices: ImmutableMap<EndpointSlice>;
  /** Slices of a Service by the Service's `namespace/name`, in order of their names. A Service may not exist (yet). */
  readonly slicesOf: ImmutableMap<readonly EndpointSlice[]>;
  /** By {@link ServicePort.key}. */
  readonly servicePorts: ImmutableMap<ServicePort>;
  /** Canonical CIDRs of all ServiceCIDR objects, by the object's name. */
  readonly serviceCIDRs: ImmutableMap<readonly string[]>;
}

/** A snapshot of a cluster of which nothing is known yet. */
export function emptySnapshot(nodeName: string): Snapshot {
  return {
    nodeName,
    node: undefined,
    services: immutableMap(),
    slices: immutableMap(),
    slicesOf: immutableMap(),
    servicePorts: immutableMap(),
    serviceCIDRs: immutableMap(),
  };
}
