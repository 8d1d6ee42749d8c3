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

/** Places of UDP Services whose flows may have become stale, each with the endpoints, as places, that flows to it may keep. */
export interface UdpFrontends {
  /** ClusterIPs, load balancer VIPs and external IPs with their port. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<string>>;
  /** NodePorts, on every address of this node. */
  readonly nodePorts: ReadonlyMap<number, ReadonlySet<string>>;
  /** Whether the place is an address of some UDP Service now. What was sent there was not sent to a NodePort. */
  readonly isClaimed: (place: string) => boolean;
}

/**
 * What to look at once the rules of `after` are in force, when all that was stale at `before` has been removed; without `before`,
 * everything. Policies, topology, readiness and termination play no part: a flow may stay where it is for as long as its endpoint
 * serves (kube-proxy's CleanStaleEntries). As from Kubernetes 1.37 on, Services without endpoints and deleted ones count as well.
 */
export function udpFrontends(before: Snapshot | undefined, after: Snapshot, family: Family): UdpFrontends {
  const looked = lookedAt(before, after, family);
  if (looked.places.size + looked.nodePorts.size === 0) return nothingToLookAt;
  const index = udpFronts(after, family);
  // Where a Service gave up the address of a node, what is sent there may be for a NodePort.
  const keepers = (place: string, port: number) => index.places.get(place) ?? index.nodePorts.get(port) ?? [];
  return {
    addresses: new Map(
      Array.from(looked.places, ([place, port]) => [place, servingPlaces(keepers(place, port), family)]),
    ),
    nodePorts: new Map(
      Array.from(looked.nodePorts, (port) => [port, servingPlaces(index.nodePorts.get(port) ?? [], family)]),
    ),
    isClaimed: (place) => index.places.has(place),
  };
}

const nothingToLookAt: UdpFrontends = { addresses: new Map(), nodePorts: new Map(), isClaimed: () => false };

/** `if-local`: stale if the destination is an address of this node, because NodePorts are nowhere else. */
export type Staleness = 'stale' | 'if-local' | 'fresh';

/**
 * Whether the flow goes to a place that is looked at and is answered by nobody who serves there. An address counts before a NodePort,
 * as in the rules. kube-proxy takes every flow with the number of a NodePort for one to it, also those that only pass through the node.
 */
export function stalenessOf(frontends: UdpFrontends, flow: UdpFlow): Staleness {
  const { addresses, nodePorts, isClaimed } = frontends;
  const place = placeOf(flow.destination, flow.port);
  const keepers = addresses.get(place);
  const ofNodePort = keepers === undefined ? nodePorts.get(flow.port) : undefined;
  const serving = keepers ?? ofNodePort;
  if (serving === undefined || serving.has(placeOf(flow.replySource, flow.replyPort))) return 'fresh';
  if (ofNodePort === undefined) return 'stale';
  return isClaimed(place) ? 'fresh' : 'if-local';
}

interface Looked {
  /** Places and their ports. */
  readonly places: Map<string, number>;
  readonly nodePorts: Set<number>;
}

function lookedAt(before: Snapshot | undefined, after: Snapshot, family: Family): Looked {
  const looked: Looked = { places: new Map(), nodePorts: new Set() };
  if (before === undefined) {
    for (const servicePort of values(after.servicePorts)) lookAt(looked, frontsOf(servicePort, family));
    return looked;
  }
  for (const change of changedServicePorts(before, after)) {
    if ((change.before ?? change.after)?.port.protocol !== 'UDP') continue;
    const [old, now] = [frontsOf(change.before, family), frontsOf(change.after, family)];
    lookAt(looked, mayBeStale(change, family) ? [...old, ...now] : onlyInOne(old, now));
  }
  return looked;
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

function lookAt(looked: Looked, fronts: readonly UdpFront[]): void {
  for (const { address, port } of fronts) {
    if (address === undefined) looked.nodePorts.add(port);
    else looked.places.set(placeOf(address, port), port);
  }
}
