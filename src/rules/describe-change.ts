import { addressPort, hostCidr } from '../model/address.ts';
import type { LocalPods, Route, Treatment } from '../routing/route.ts';
import type { ServiceChange, ServiceState } from './comparison.ts';

/** A Route with the detector that its treatments rest on. */
export interface DetectedRoute {
  readonly route: Route;
  readonly localPods: LocalPods | undefined;
}

/** The change between two states of a Service port in words; undefined when its traffic would not notice any. */
export function describeChange(
  before: DetectedRoute | undefined,
  after: DetectedRoute | undefined,
): Omit<ServiceChange, 'rules'> | undefined {
  const known = after ?? before;
  if (known === undefined) return undefined;
  const old = before && facets(before);
  const fresh = after && facets(after);
  if (JSON.stringify(old) === JSON.stringify(fresh)) return undefined;
  const { route } = known;
  return {
    service: route.name,
    family: route.family,
    protocol: route.protocol,
    action: before === undefined ? 'add' : after === undefined ? 'remove' : 'change',
    addresses: addressesOf(route),
    before: before && summary(before.route),
    after: after && summary(after.route),
    details: old === undefined || fresh === undefined ? [] : differences(old, fresh),
  };
}

/** What traffic can notice of a Route, each facet in a form that compares by text. Empty where nothing is reachable by it. */
interface Facets {
  readonly endpoints: readonly string[];
  readonly localEndpoints: readonly string[];
  readonly addresses: readonly string[];
  readonly affinity: string;
  readonly internal: string;
  readonly external: string;
  readonly sourceRanges: readonly string[];
  readonly healthCheckNodePort: number;
}

type Wording = { readonly [F in keyof Facets]: (before: Facets[F], after: Facets[F]) => string };

const wording: Wording = {
  endpoints: (before, after) => listChange('endpoint', before, after),
  localEndpoints: (before, after) => listChange('local endpoint', before, after),
  addresses: (before, after) => listChange('address', before, after),
  affinity: (_, after) => `affinity ${after}`,
  internal: (before, after) => `ClusterIP traffic: ${before} → ${after}`,
  external: (before, after) => `external traffic: ${before} → ${after}`,
  sourceRanges: (before, after) => listChange('source range', before, after),
  healthCheckNodePort: (before, after) => `health-check port ${before || 'none'} → ${after || 'none'}`,
};

function facets({ route, localPods }: DetectedRoute): Facets {
  const accessible = route.externalAddresses.length > 0 || route.nodePort !== 0;
  const serves = accessible && route.external.some(({ action }) => action.kind === 'balance');
  const any = route.endpoints.cluster.length + route.endpoints.local.length > 0;
  const ranges = route.externalAddresses.flatMap((external) => [
    ...external.sourceRanges,
    ...external.sourceAddresses.map(hostCidr),
  ]);
  const text = ({ address, port }: Route['endpoints']['cluster'][number]) => addressPort(address, port);
  return {
    endpoints: route.endpoints.cluster.map(text),
    localEndpoints: route.endpoints.local.map(text),
    addresses: addressesOf(route),
    affinity: !any || route.affinitySeconds === undefined ? 'off' : `on (${route.affinitySeconds} s)`,
    internal: treatmentText(route.internal, localPods),
    external: accessible ? treatmentText(route.external, localPods) : '',
    sourceRanges: serves ? [...new Set(ranges)].sort() : [],
    healthCheckNodePort: route.healthCheckNodePort,
  };
}

function differences(before: Facets, after: Facets): readonly string[] {
  const said = <F extends keyof Facets>(facet: F): readonly string[] =>
    JSON.stringify(before[facet]) === JSON.stringify(after[facet])
      ? []
      : [wording[facet](before[facet], after[facet])];
  return [
    ...said('endpoints'),
    ...said('localEndpoints'),
    ...said('addresses'),
    ...said('affinity'),
    ...said('internal'),
    ...said('external'),
    ...said('sourceRanges'),
    ...said('healthCheckNodePort'),
  ];
}

function listChange(noun: string, before: readonly string[], after: readonly string[]): string {
  const come = after.filter((item) => !before.includes(item)).map((item) => `+${item}`);
  const gone = before.filter((item) => !after.includes(item)).map((item) => `-${item}`);
  return `${noun} ${[...come, ...gone].join(' ')}`;
}

/** A treatment in a few words: `reject`, or who is balanced over which endpoints and masqueraded. */
function treatmentText(treatment: Treatment, localPods: LocalPods | undefined): string {
  return treatment
    .map(({ source, action }) => {
      const who =
        source === 'any' ? '' : `${source === 'node' ? 'node' : `${source} (${detector(localPods)})`}: `;
      if (action.kind !== 'balance') return `${who}${action.kind}`;
      return `${who}${action.over} endpoints${action.masquerade ? ', masqueraded' : ''}`;
    })
    .join('; ');
}

function detector(localPods: LocalPods | undefined): string {
  if (localPods === undefined) return 'unknown';
  if (localPods.kind === 'source-network') return localPods.cidr;
  return localPods.kind === 'interface' ? localPods.name : `${localPods.prefix}*`;
}

/** Where clients send, ClusterIPs first. */
function addressesOf(route: Route): readonly string[] {
  const protocol = route.protocol.toLowerCase();
  const external = [...new Set(route.externalAddresses.map(({ address }) => address))].sort();
  return [
    ...[...route.clusterIPs, ...external].map((address) => `${addressPort(address, route.port)}/${protocol}`),
    ...(route.nodePort === 0 ? [] : [`nodePort ${route.nodePort}/${protocol}`]),
  ];
}

function summary(route: Route): ServiceState {
  const { cluster, local } = route.endpoints;
  const all = new Set([...cluster, ...local].map(({ address, port }) => addressPort(address, port)));
  return { endpoints: all.size, affinitySeconds: route.affinitySeconds };
}
