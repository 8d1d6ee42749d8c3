import type { Family } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { kept } from '../model/kept.ts';
import type { ServicePort } from '../model/snapshot.ts';
import { eligible } from './eligible.ts';
import { externalAddresses, ofFamily } from './external.ts';
import { policyUse } from './policy.ts';
import type { LocalPods, Route, RouteEndpoint } from './route.ts';
import type { Position } from './topology.ts';
import { externalTreatment, internalTreatment } from './treatment.ts';

/** What a decision needs to know of this node, in one family. */
export interface DecisionContext {
  readonly family: Family;
  readonly position: Position;
  readonly localPods: LocalPods | undefined;
  readonly masqueradeAll: boolean;
  /** The node's main address of the family, for the source-range self-exception. */
  readonly nodeAddress: string | undefined;
}

/**
 * Decides what this node does for one Service port in one family; undefined when the Service has no ClusterIP of that family and
 * so does not exist there.
 */
export function decide(servicePort: ServicePort, context: DecisionContext): Route | undefined {
  const { service, port } = servicePort;
  const clusterIPs = ofFamily(service.clusterIPs, context.family);
  if (clusterIPs.length === 0) return undefined;
  const use = policyUse(service, port, context.family);
  const sets = eligible(servicePort.endpoints[context.family], use, context.position);
  const treatment = { eligible: sets, masqueradeAll: context.masqueradeAll, localPods: context.localPods };
  return {
    key: servicePort.key,
    name: servicePort.name,
    family: context.family,
    protocol: port.protocol,
    port: port.port,
    endpoints: { cluster: routeEndpoints(sets.cluster), local: routeEndpoints(sets.local) },
    clusterIPs: kept(clusterIPs),
    internal: internalTreatment(use, treatment),
    externalAddresses: kept(externalAddresses(service, context.family, context.nodeAddress)),
    nodePort: port.nodePort,
    external: externalTreatment(use, treatment),
    affinitySeconds: service.affinitySeconds,
    healthCheckNodePort: service.healthCheckNodePort,
  };
}

/** The model has them sorted by `address:port` as text, kube-proxy's order: 10.0.0.10 comes before 10.0.0.2. */
function routeEndpoints(endpoints: readonly Endpoint[]): readonly RouteEndpoint[] {
  return kept(endpoints.map(({ address, port }) => ({ address, port })));
}
