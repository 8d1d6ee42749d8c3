/** Layer 4 protocols of a Service port. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export type TrafficPolicy = 'Cluster' | 'Local';

/** A validated Service, reduced to what decides packets. Addresses and CIDRs are canonical text of either family. */
export interface Service {
  readonly namespace: string;
  readonly name: string;
  /** `metadata.uid`: tells a Service from a later one of the same name, and finds its Events. Manifests have none. */
  readonly uid: string | undefined;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  /** `status.loadBalancer.ingress[].ip` whose `ipMode` is absent or `VIP` (KEP-1860). */
  readonly loadBalancerIPs: readonly string[];
  /** Empty: every source is allowed. */
  readonly loadBalancerSourceRanges: readonly string[];
  readonly ports: readonly PortSpec[];
  /** Seconds of ClientIP affinity; undefined: none. */
  readonly affinitySeconds: number | undefined;
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

/** One entry of `spec.ports`. */
export interface PortSpec {
  /** Empty for an unnamed port. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
}

/**
 * `namespace/name`, the key of a Service and of an EndpointSlice. Joined, not added up, as the names below: they stay in memory, and V8 keeps
 * a sum as a tree of its parts.
 */
export function objectKey({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return [namespace, name].join('/');
}

/** kube-proxy's ServicePortName: `ns/svc:port`, or `ns/svc` when the port has no name. */
export function servicePortName(service: Service, port: PortSpec): string {
  return port.name === '' ? objectKey(service) : [objectKey(service), port.name].join(':');
}
