import type { Family } from '../model/address.ts';
import { values } from '../model/immutable-map.ts';
import type { ServicePort, Snapshot } from '../model/snapshot.ts';
import { ofFamily } from './external.ts';

/** An address and a port in one text, as a key; {@link partsOf} takes it apart. */
export function placeOf(address: string, port: number): string {
  return `${address} ${port}`;
}

export function partsOf(place: string): { readonly address: string; readonly port: number } {
  const [address = '', port] = place.split(' ');
  return { address, port: Number(port) };
}

/** Where a UDP Service port takes packets in a family; without an address it is a NodePort. */
export interface UdpFront {
  readonly address: string | undefined;
  readonly port: number;
}

/** ClusterIPs, load balancer VIPs, external IPs and the NodePort. None when the Service has no ClusterIP of the family: it does not exist there. */
export function frontsOf(servicePort: ServicePort | undefined, family: Family): readonly UdpFront[] {
  if (servicePort?.port.protocol !== 'UDP') return [];
  const { service, port } = servicePort;
  if (ofFamily(service.clusterIPs, family).length === 0) return [];
  const addresses = [...service.clusterIPs, ...service.loadBalancerIPs, ...service.externalIPs];
  const fronts = ofFamily(addresses, family).map((address): UdpFront => ({ address, port: port.port }));
  return port.nodePort === 0 ? fronts : [...fronts, { address: undefined, port: port.nodePort }];
}

/** All UDP Service ports by where they take packets. Several may claim the same place. */
export interface UdpFronts {
  readonly places: ReadonlyMap<string, readonly ServicePort[]>;
  readonly nodePorts: ReadonlyMap<number, readonly ServicePort[]>;
}

export function udpFronts(snapshot: Snapshot, family: Family): UdpFronts {
  const places = new Map<string, ServicePort[]>();
  const nodePorts = new Map<number, ServicePort[]>();
  for (const servicePort of values(snapshot.servicePorts)) {
    for (const { address, port } of frontsOf(servicePort, family)) {
      if (address === undefined) append(nodePorts, port, servicePort);
      else append(places, placeOf(address, port), servicePort);
    }
  }
  return { places, nodePorts };
}

function append<K>(map: Map<K, ServicePort[]>, key: K, servicePort: ServicePort): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [servicePort]);
  else list.push(servicePort);
}

/** The endpoints of the family that serve, as places. */
export function servingPlaces(servicePorts: readonly ServicePort[], family: Family): ReadonlySet<string> {
  const serving = servicePorts.flatMap(({ endpoints }) => endpoints[family].filter((each) => each.serving));
  return new Set(serving.map(({ address, port }) => placeOf(address, port)));
}
