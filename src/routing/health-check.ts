import { type Family, families, familyOf } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { equal } from '../model/equal.ts';
import {
  differences,
  get,
  type ImmutableMap,
  immutableMap,
  values,
  withEntries,
} from '../model/immutable-map.ts';
import { servicePortKey } from '../model/join.ts';
import { objectKey, type Service } from '../model/service.ts';
import type { ServicePort, Snapshot } from '../model/snapshot.ts';

/** What a load balancer may ask about one Service at its `healthCheckNodePort`. */
export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
  /** The `healthCheckNodePort`. */
  readonly port: number;
  /** Keys of the Service's ports: `ns/svc:port/tcp`. */
  readonly servicePorts: readonly string[];
  /**
   * Addresses of the endpoints that are ready on this node, over all ports of the Service, sorted. A terminating endpoint that still serves is
   * not among them: a balancer shall leave before it ends (KEP-1669). Undefined for a family in which the Service has no ClusterIP.
   */
  readonly local: Readonly<Record<Family, readonly string[] | undefined>>;
}

/** The health checks that a snapshot asks for. */
export interface HealthChecks {
  readonly snapshot: Snapshot;
  /** By `namespace/name` of the Service. */
  readonly services: ImmutableMap<HealthCheck>;
}

/**
 * Decides the health checks of this node. With `previous`, only Services whose ports or endpoints changed are looked at again, and an unchanged
 * check is the same object.
 */
export function decideHealthChecks(snapshot: Snapshot, previous?: HealthChecks): HealthChecks {
  if (previous?.snapshot === snapshot) return previous;
  const sameNode = previous?.snapshot.nodeName === snapshot.nodeName;
  const base = sameNode ? previous : undefined;
  const asked = new Map<string, Service | undefined>();
  for (const service of base === undefined ? values(snapshot.services) : changed(base.snapshot, snapshot)) {
    const key = objectKey(service);
    asked.set(key, get(snapshot.services, key));
  }
  const before = base?.services ?? immutableMap<HealthCheck>();
  const decided = [...asked].map(
    ([key, service]) => [key, settled(get(before, key), decide(service, snapshot))] as const,
  );
  return { snapshot, services: withEntries(before, decided) };
}

/** Services with a health check, before or now, of which something differs. */
function* changed(before: Snapshot, after: Snapshot): Generator<Service> {
  for (const { before: old, after: now } of differences(before.servicePorts, after.servicePorts)) {
    const service = [old?.service, now?.service].find(hasCheck);
    if (service !== undefined) yield service;
  }
}

/** Keeps the identity of what says the same. */
function settled(before: HealthCheck | undefined, now: HealthCheck | undefined): HealthCheck | undefined {
  return equal(before, now) ? before : now;
}

function hasCheck(service: Service | undefined): boolean {
  return service !== undefined && service.healthCheckNodePort !== 0;
}

function decide(service: Service | undefined, snapshot: Snapshot): HealthCheck | undefined {
  if (service === undefined || service.healthCheckNodePort === 0) return undefined;
  const keys = service.ports.map((port) => servicePortKey(service, port));
  const ports = keys.map((key) => get(snapshot.servicePorts, key)).filter((port) => port !== undefined);
  const own = families.filter((family) => service.clusterIPs.some((address) => familyOf(address) === family));
  const local = (family: Family) =>
    own.includes(family) ? localAddresses(ports, family, snapshot.nodeName) : undefined;
  return {
    namespace: service.namespace,
    name: service.name,
    uid: service.uid,
    port: service.healthCheckNodePort,
    servicePorts: keys,
    local: { IPv4: local('IPv4'), IPv6: local('IPv6') },
  };
}

/** Each address once: 10.0.0.1:80 and 10.0.0.1:443 are one endpoint to a load balancer. */
function localAddresses(ports: readonly ServicePort[], family: Family, nodeName: string): readonly string[] {
  const here = (endpoint: Endpoint): boolean => endpoint.ready && endpoint.nodeName === nodeName;
  const addresses = ports.flatMap((port) =>
    port.endpoints[family].filter(here).map((endpoint) => endpoint.address),
  );
  return [...new Set(addresses)].sort();
}
