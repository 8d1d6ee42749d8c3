import type { Family } from './address.ts';
import type { Protocol } from './service.ts';

/** A validated EndpointSlice of an IP family. */
export interface EndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** Value of the label `kubernetes.io/service-name`: the Service of the same namespace. */
  readonly serviceName: string;
  readonly family: Family;
  readonly ports: readonly SlicePort[];
  /**
   * When somebody set off the change that brought the slice to what it says, in milliseconds since 1970 by the clock of the control
   * plane; undefined when it does not tell. A slice that differs in nothing else says the same.
   */
  readonly lastChangeTriggerTime: number | undefined;
}

/** One entry of `ports` with the endpoints behind it; entries without a port number do not get this far. */
export interface SlicePort {
  /** Empty for an unnamed port. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** One per `address:port`, sorted by that text. A ServicePort with no other slice has the very same list. */
  readonly endpoints: readonly Endpoint[];
}

/** A place that serves one ServicePort: an entry of a slice's `endpoints` with one of its ports. Conditions have their defaults: absent `ready` and `serving` mean true. */
export interface Endpoint {
  /** Canonical text of `addresses[0]`; the API has deprecated more than one. */
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /** `hints.forNodes[].name`; empty: no such hint (KEP-3015). */
  readonly forNodes: readonly string[];
  /** `hints.forZones[].name`; empty: no such hint (KEP-2433). */
  readonly forZones: readonly string[];
}
