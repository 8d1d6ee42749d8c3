import { type Family, familyOf } from '../model/address.ts';
import type { PortSpec, Service, TrafficPolicy } from '../model/service.ts';

/** Which endpoint sets the traffic of a Service port needs. */
export interface PolicyUse {
  readonly internal: TrafficPolicy;
  readonly external: TrafficPolicy;
  /** The port can be reached other than by ClusterIP. */
  readonly externallyAccessible: boolean;
  readonly cluster: boolean;
  readonly local: boolean;
}

/**
 * The policies that count for one port in one family. `externalTrafficPolicy: Local` means something only for NodePort and LoadBalancer
 * Services and for a ClusterIP Service with external IPs; then the cluster set is needed as well, for the short-cuts.
 */
export function policyUse(service: Service, port: PortSpec, family: Family): PolicyUse {
  const externallyAccessible =
    port.nodePort !== 0 ||
    [...service.loadBalancerIPs, ...service.externalIPs].some((address) => familyOf(address) === family);
  const external =
    service.type !== 'ClusterIP' || service.externalIPs.length > 0
      ? service.externalTrafficPolicy
      : 'Cluster';
  const internal = service.internalTrafficPolicy;
  return {
    internal,
    external,
    externallyAccessible,
    cluster: internal === 'Cluster' || externallyAccessible,
    local: internal === 'Local' || (external === 'Local' && externallyAccessible),
  };
}
