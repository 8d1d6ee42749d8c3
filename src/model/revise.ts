import type { ObjectChange } from './change.ts';
import type { EndpointSlice } from './endpoint.ts';
import { equal } from './equal.ts';
import { type Difference, get, type ImmutableMap, withEntries } from './immutable-map.ts';
import { joinServicePort, servicePortKey } from './join.ts';
import { kept } from './kept.ts';
import type { Node } from './node.ts';
import { objectKey, type Service } from './service.ts';
import type { ServicePort, Snapshot } from './snapshot.ts';

/**
 * The snapshot after the changes, the last one of an object counting. Costs as much as the changed Services have endpoints, whatever
 * the size of the cluster. What says the same as before stays the same object, a port of a Service and the snapshot included.
 */
export function revise(snapshot: Snapshot, changes: readonly ObjectChange[]): Snapshot {
  const said = lastSaid(changes);
  const services = replace(snapshot.services, said.services);
  const slices = replace(snapshot.slices, said.slices, saysTheSame);
  const serviceCIDRs = replace(snapshot.serviceCIDRs, said.serviceCIDRs);
  const grouped = regroup(snapshot.slicesOf, slices.changed);
  const slicesOf = withEntries(snapshot.slicesOf, grouped);
  const touched = new Set([...services.changed.map(({ key }) => key), ...grouped.keys()]);
  const before = { services: snapshot.services, servicePorts: snapshot.servicePorts };
  const servicePorts = withEntries(
    snapshot.servicePorts,
    [...touched].flatMap((key) => rejoin(key, before, { services: services.map, slicesOf })),
  );
  const node = reviseNode(snapshot, said.nodes);
  const nothing =
    slices.changed.length + services.changed.length + serviceCIDRs.changed.length === 0 &&
    node === snapshot.node;
  if (nothing) return snapshot;
  return {
    nodeName: snapshot.nodeName,
    node,
    services: services.map,
    slices: slices.map,
    slicesOf,
    servicePorts,
    serviceCIDRs: serviceCIDRs.map,
  };
}

function lastSaid(changes: readonly ObjectChange[]) {
  const services = new Map<string, Service | undefined>();
  const slices = new Map<string, EndpointSlice | undefined>();
  const nodes = new Map<string, Node | undefined>();
  const serviceCIDRs = new Map<string, readonly string[] | undefined>();
  for (const change of changes) {
    if (change.kind === 'Service') services.set(change.key, change.object);
    else if (change.kind === 'EndpointSlice') slices.set(change.key, change.object);
    else if (change.kind === 'Node') nodes.set(change.key, change.object);
    else serviceCIDRs.set(change.key, change.object);
  }
  return { services, slices, nodes, serviceCIDRs };
}

function replace<V>(
  map: ImmutableMap<V>,
  said: ReadonlyMap<string, V | undefined>,
  same: (before: V | undefined, after: V | undefined) => boolean = equal,
) {
  const changed: Difference<V>[] = [];
  for (const [key, after] of said) {
    const before = get(map, key);
    if (!same(before, after)) changed.push({ key, before, after });
  }
  return {
    changed,
    map: withEntries(
      map,
      changed.map(({ key, after }) => [key, after] as const),
    ),
  };
}

/** As kube-proxy takes it: a slice written again with nothing but another trigger time has brought no change. */
function saysTheSame(before: EndpointSlice | undefined, after: EndpointSlice | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return equal(before, { ...after, lastChangeTriggerTime: before.lastChangeTriggerTime });
}

/** The lists of slices of all Services whose slices changed; undefined where none is left. */
function regroup(
  slicesOf: ImmutableMap<readonly EndpointSlice[]>,
  changed: readonly Difference<EndpointSlice>[],
): ReadonlyMap<string, readonly EndpointSlice[] | undefined> {
  const gone = new Set(changed.map(({ before }) => before));
  const grouped = new Map<string, EndpointSlice[]>();
  const groupOf = ({ namespace, serviceName }: EndpointSlice) => {
    const key = objectKey({ namespace, name: serviceName });
    const known = grouped.get(key);
    if (known !== undefined) return known;
    const kept = (get(slicesOf, key) ?? []).filter((slice) => !gone.has(slice));
    grouped.set(key, kept);
    return kept;
  };
  for (const { before, after } of changed) {
    if (before !== undefined) groupOf(before);
    if (after !== undefined) groupOf(after).push(after);
  }
  return new Map(
    [...grouped].map(([key, slices]) => [key, slices.length === 0 ? undefined : kept(slices.sort(byName))]),
  );
}

function byName(one: EndpointSlice, other: EndpointSlice): number {
  return one.name < other.name ? -1 : 1;
}

/** What becomes of every port that the Service has or had. */
function rejoin(
  key: string,
  before: Pick<Snapshot, 'services' | 'servicePorts'>,
  after: Pick<Snapshot, 'services' | 'slicesOf'>,
): readonly (readonly [string, ServicePort | undefined])[] {
  const old = get(before.services, key);
  const service = get(after.services, key);
  const ports = new Map<string, ServicePort | undefined>();
  for (const port of old?.ports ?? []) if (old) ports.set(servicePortKey(old, port), undefined);
  for (const port of service?.ports ?? []) {
    if (!service) continue;
    const portKey = servicePortKey(service, port);
    const known = get(before.servicePorts, portKey);
    ports.set(portKey, joinServicePort(service, port, get(after.slicesOf, key) ?? [], known));
  }
  return [...ports];
}

/** Other Nodes are none of our business, also when the source tells of them. */
function reviseNode(snapshot: Snapshot, nodes: ReadonlyMap<string, Node | undefined>): Node | undefined {
  if (!nodes.has(snapshot.nodeName)) return snapshot.node;
  const node = nodes.get(snapshot.nodeName);
  return equal(node, snapshot.node) ? snapshot.node : node;
}
