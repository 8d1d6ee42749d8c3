import { get, type ImmutableMap, sortedKeys } from '../model/immutable-map.ts';
import type { ServicePort, Snapshot } from '../model/snapshot.ts';
import type { Step } from '../rules/plan.ts';
import type { DebugState, FamilyDebugState } from './debug-state.ts';
import { list, type Pieces, record, whole } from './json-pieces.ts';

/** A page of the debugging door. */
interface DebugPage {
  readonly path: string;
  readonly about: string;
  /** JSON; only what concerns the Service (`ns/name`) when one is given. Undefined: there is nothing yet. */
  readonly pieces: (state: DebugState, service: string | undefined) => Pieces | undefined;
}

export const debugPages: readonly DebugPage[] = [
  {
    path: '/debug/snapshot',
    about: 'what was heard of the cluster (?service=namespace/name)',
    pieces: (state, service) => {
      const snapshot = state.snapshot();
      return snapshot && snapshotPieces(snapshot, service);
    },
  },
  {
    path: '/debug/routes',
    about: 'what was decided for this node (?service=namespace/name)',
    pieces: (state, service) => familiesPieces(state, (family) => routesPieces(family, service)),
  },
  {
    path: '/debug/plan',
    about: 'what was written to the kernel last (?service=namespace/name)',
    pieces: (state, service) => familiesPieces(state, (family) => planPieces(family, service)),
  },
];

function snapshotPieces(snapshot: Snapshot, service: string | undefined): Pieces {
  const { nodeName, node, serviceCIDRs, services, slices, servicePorts } = snapshot;
  const isMine = ofService(service);
  const mySlices = service === undefined ? undefined : (get(snapshot.slicesOf, service) ?? []);
  const sliceNames = mySlices?.map(({ namespace, name }) => `${namespace}/${name}`);
  return record([
    ['nodeName', whole(nodeName)],
    ['node', whole(node)],
    ['serviceCIDRs', mapPieces(serviceCIDRs)],
    ['services', mapPieces(services, { keys: service === undefined ? undefined : [service] })],
    ['slices', mapPieces(slices, { keys: sliceNames })],
    ['servicePorts', mapPieces(servicePorts, { isMine, summary: portSummary })],
  ]);
}

/** The Service is told above, with all that it says. */
function portSummary({ port, endpoints }: ServicePort): unknown {
  return { port, endpoints };
}

function familiesPieces(state: DebugState, pieces: (family: FamilyDebugState) => Pieces): Pieces {
  return record([['families', list(state.families().map(pieces))]]);
}

function routesPieces(
  { family, routes, quarantined }: FamilyDebugState,
  service: string | undefined,
): Pieces {
  const isMine = ofService(service);
  return record([
    ['family', whole(family)],
    ['quarantined', whole(quarantined.filter(isMine))],
    ['node', whole(routes?.node)],
    ['routes', routes === undefined ? whole({}) : mapPieces(routes.routes, { isMine })],
  ]);
}

function planPieces({ family, lastPlan }: FamilyDebugState, service: string | undefined): Pieces {
  return record([
    ['family', whole(family)],
    ['dialect', whole(lastPlan?.dialect)],
    ['cost', whole(lastPlan?.cost)],
    ['steps', list(stepPieces(lastPlan?.steps ?? [], service))],
  ]);
}

/** Of a chain that serves several Services only the lines of the one asked for. */
function* stepPieces(steps: readonly Step[], service: string | undefined): Generator<Pieces | undefined> {
  const isMine = ofService(service);
  for (const shown of steps) {
    const { verb, table, chain, service: owner, creates } = shown;
    const others = owner !== undefined && !isMine(owner);
    const mine = others ? [] : shown.lines().filter((line) => isMine(line.service ?? owner ?? ''));
    const none = mine.length === 0 && !isMine(owner ?? '');
    const step = { verb, table, chain, service: owner, creates, lines: mine.map(({ text }) => text) };
    yield none ? undefined : whole(step);
  }
}

/** Whether a key of a Service port (`ns/svc:port/tcp`, `ns/svc/tcp`) belongs to the Service; undefined: all do. */
function ofService(service: string | undefined): (key: string) => boolean {
  if (service === undefined) return () => true;
  return (key) => key.startsWith(`${service}:`) || key.startsWith(`${service}/`);
}

interface MapOptions<V> {
  /** Undefined: all, sorted, once they are asked for. */
  readonly keys?: readonly string[] | undefined;
  readonly isMine?: (key: string) => boolean;
  readonly summary?: (value: V) => unknown;
}

function mapPieces<V>(map: ImmutableMap<V>, options: MapOptions<V> = {}): Pieces {
  return record(entriesOf(map, options));
}

function* entriesOf<V>(
  map: ImmutableMap<V>,
  { keys, isMine = () => true, summary = (value) => value }: MapOptions<V>,
): Generator<readonly [string, Pieces]> {
  for (const key of keys ?? sortedKeys(map)) {
    const value = isMine(key) ? get(map, key) : undefined;
    if (value !== undefined) yield [key, whole(summary(value))];
  }
}
