import type { Family } from '../model/address.ts';
import { differences, entries, get, immutableMap, withEntries } from '../model/immutable-map.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type DecisionContext, decide } from './decide.ts';
import { decideNode, mainAddress } from './node.ts';
import type { FamilyRoutes, NodeRoute, Route } from './route.ts';
import type { HostFacts, RoutingSettings } from './settings.ts';

/** Everything that a decision for one family rests on. */
export interface RoutingInput {
  readonly family: Family;
  readonly snapshot: Snapshot;
  readonly settings: RoutingSettings;
  readonly host: HostFacts;
}

/** The Routes of one family, with the input they were decided from, so that the next decision costs only what changed. */
export interface Decided extends FamilyRoutes {
  readonly input: RoutingInput;
  /** Endpoints of all Routes together; those of both sets of a Route count once for each. */
  readonly endpointCount: number;
  /** Routes that drop traffic because a policy is Local and no endpoint is here, by whose policy it is. */
  readonly withoutLocalEndpoints: WithoutLocalEndpoints;
}

export interface WithoutLocalEndpoints {
  readonly internal: number;
  readonly external: number;
}

/**
 * Decides all Routes of a family. With `previous`, only Service ports that changed are decided again, and an unchanged Route is the same
 * object; a change of the node, the settings or the host decides everything again. Yields between Service ports, so
 * that a caller may pause.
 */
export function* decideRoutes(input: RoutingInput, previous?: Decided): Generator<undefined, Decided> {
  const { snapshot, settings, host, family } = input;
  const context = decisionContext(input);
  const node = sameNode(decideNode(family, settings, host, snapshot.node), previous?.node);
  const reusable =
    previous !== undefined && same(context, decisionContext(previous.input)) ? previous : undefined;
  const dirty =
    reusable === undefined ? entries(snapshot.servicePorts) : changedPorts(reusable.input.snapshot, snapshot);
  const base = reusable?.routes ?? immutableMap<Route>();
  const decided: [string, Route | undefined][] = [];
  let endpointCount = reusable?.endpointCount ?? 0;
  const without = { internal: 0, external: 0, ...reusable?.withoutLocalEndpoints };
  for (const [key, servicePort] of dirty) {
    const route = servicePort === undefined ? undefined : decide(servicePort, context);
    const before = get(base, key);
    endpointCount += countEndpoints(route) - countEndpoints(before);
    without.internal += Number(dropsInternal(route)) - Number(dropsInternal(before));
    without.external += Number(dropsExternal(route)) - Number(dropsExternal(before));
    decided.push([key, route]);
    yield;
  }
  const routes = withEntries(base, decided);
  return { input, node, endpointCount, withoutLocalEndpoints: without, routes };
}

function* changedPorts(before: Snapshot, after: Snapshot) {
  for (const { key, after: port } of differences(before.servicePorts, after.servicePorts))
    yield [key, port] as const;
}

function decisionContext({ family, snapshot, settings, host }: RoutingInput): DecisionContext {
  return {
    family,
    position: { nodeName: snapshot.nodeName, zone: snapshot.node?.zone },
    localPods: decideNode(family, settings, host, snapshot.node).localPods,
    masqueradeAll: settings.masqueradeAll,
    nodeAddress: mainAddress(family, settings, snapshot.node),
  };
}

function countEndpoints(route: Route | undefined): number {
  return route === undefined ? 0 : route.endpoints.cluster.length + route.endpoints.local.length;
}

function dropsInternal(route: Route | undefined): boolean {
  return route?.internal.at(-1)?.action.kind === 'drop';
}

function dropsExternal(route: Route | undefined): boolean {
  if (route === undefined) return false;
  const reachable = route.nodePort !== 0 || route.externalAddresses.length > 0;
  return reachable && route.external.at(-1)?.action.kind === 'drop';
}

/** Keeps the identity of an equal value, which is how later stages see that nothing changed. */
function sameNode(node: NodeRoute, previous: NodeRoute | undefined): NodeRoute {
  return previous !== undefined && same(node, previous) ? previous : node;
}

/** Both are plain data made by the same code, so equal values have equal text. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
