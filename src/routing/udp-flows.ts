import type { Family } from '../model/address.ts';
import { changedServicePorts, type ServicePortChange } from '../model/change.ts';
import { values } from '../model/immutable-map.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { frontsOf, placeOf, servingPlaces, type UdpFront, udpFronts } from './udp-fronts.ts';

/** A UDP entry of connection tracking: where its first packet was sent, and who answers. */
export interface UdpFlow {
  readonly destination: string;
  readonly port: number;
  readonly replySource: string;
  readonly replyPort: number;
}

/** Places of UDP Services at which flows may have become stale. */
export interface UdpLook {
  /** Addresses with their ports, as places, and the port of each. */
  readonly places: ReadonlyMap<string, number>;
  readonly nodePorts: ReadonlySet<number>;
}

/** {@link UdpLook} with the endpoints, as places, that flows may keep. */
export interface UdpFrontends {
  /** ClusterIPs, load balancer VIPs and external IPs with their port. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<string>>;
  /** NodePorts, on every address of this node. */
  readonly nodePorts: ReadonlyMap<number, ReadonlySet<string>>;
  /** Whether the place is an address of some UDP Service. What was sent there was not sent to a NodePort. */
  readonly isClaimed: (place: string) => boolean;
}

export const nothingToLookAt: UdpLook = { places: new Map(), nodePorts: new Set() };

export function isNothing({ places, nodePorts }: UdpLook): boolean {
  return places.size + nodePorts.size === 0;
}

export function both(one: UdpLook, other: UdpLook): UdpLook {
  return {
    places: new Map([...one.places, ...other.places]),
    nodePorts: new Set([...one.nodePorts, ...other.nodePorts]),
  };
}

/**
 * Where to look when the rules of `after` follow those of `before`; without `before`, everywhere. Rules that were in force in between
 * need a look of their own. Costs what changed.
 */
export function whereToLook(before: Snapshot | undefined, after: Snapshot, family: Family): UdpLook {
  return lookAt(before === undefined ? allFronts(after, family) : changedFronts(before, after, family));
}

/**
 * Who serves at these places. Policies, topology, readiness and termination play no part: a flow may stay where it is for as long as
 * its endpoint serves (kube-proxy's CleanStaleEntries). As from Kubernetes 1.37 on, places where nobody serves count as well.
 */
export function udpFrontends(look: UdpLook, snapshot: Snapshot, family: Family): UdpFrontends {
  const fronts = udpFronts(snapshot, family);
  // Where a Service gave up an address of the node, what is sent there may be for a NodePort.
  const keepers = (place: string, port: number) =>
    fronts.places.get(place) ?? fronts.nodePorts.get(port) ?? [];
  return {
    addresses: new Map(
      Array.from(look.places, ([place, port]) => [place, servingPlaces(keepers(place, port), family)]),
    ),
    nodePorts: new Map(
      Array.from(look.nodePorts, (port) => [port, servingPlaces(fronts.nodePorts.get(port) ?? [], family)]),
    ),
    isClaimed: (place) => fronts.places.has(place),
  };
}

/** `if-local`: stale if the destination is an address of this node, because NodePorts are nowhere else. */
export type Staleness = 'stale' | 'if-local' | 'fresh';

/**
 * Whether the flow goes to a place that is looked at and is answered by nobody who serves there. An address counts before a NodePort,
 * as in the rules. kube-proxy takes every flow with the number of a NodePort for one to it, also those that only pass through the node.
 */
export function stalenessOf(frontends: UdpFrontends, flow: UdpFlow): Staleness {
  const place = placeOf(flow.destination, flow.port);
  const ofAddress = frontends.addresses.get(place);
  const serving = ofAddress ?? frontends.nodePorts.get(flow.port);
  if (serving === undefined || serving.has(placeOf(flow.replySource, flow.replyPort))) return 'fresh';
  if (ofAddress !== undefined) return 'stale';
  return frontends.isClaimed(place) ? 'fresh' : 'if-local';
}

/** Whether anybody serves where the flow goes. */
export function isServed({ addresses, nodePorts }: UdpFrontends, { destination, port }: UdpFlow): boolean {
  const serving = addresses.get(placeOf(destination, port)) ?? nodePorts.get(port);
  return serving !== undefined && serving.size > 0;
}

function* allFronts(snapshot: Snapshot, family: Family): Generator<UdpFront> {
  for (const servicePort of values(snapshot.servicePorts)) yield* frontsOf(servicePort, family);
}

function* changedFronts(before: Snapshot, after: Snapshot, family: Family): Generator<UdpFront> {
  for (const change of changedServicePorts(before, after)) {
    if ((change.before ?? change.after)?.port.protocol !== 'UDP') continue;
    const [old, now] = [frontsOf(change.before, family), frontsOf(change.after, family)];
    yield* mayBeStale(change, family) ? [...old, ...now] : onlyInOne(old, now);
  }
}

/** A flow to an endpoint that served and does not any more, or one that found none when it began. */
function mayBeStale({ before, after }: ServicePortChange, family: Family): boolean {
  const old = servingPlaces(before === undefined ? [] : [before], family);
  const now = servingPlaces(after === undefined ? [] : [after], family);
  return old.size === 0 ? now.size > 0 : [...old].some((place) => !now.has(place));
}

function onlyInOne(one: readonly UdpFront[], other: readonly UdpFront[]): readonly UdpFront[] {
  const isIn = (fronts: readonly UdpFront[], { address, port }: UdpFront) =>
    fronts.some((front) => front.address === address && front.port === port);
  return [...one.filter((front) => !isIn(other, front)), ...other.filter((front) => !isIn(one, front))];
}

function lookAt(fronts: Iterable<UdpFront>): UdpLook {
  const places = new Map<string, number>();
  const nodePorts = new Set<number>();
  for (const { address, port } of fronts) {
    if (address === undefined) nodePorts.add(port);
    else places.set(placeOf(address, port), port);
  }
  return { places, nodePorts };
}
