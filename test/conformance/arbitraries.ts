import fc from 'fast-check';
import { finish } from '../../src/agent/pace.ts';
import { type Family, families } from '../../src/model/address.ts';
import type { ObjectChange } from '../../src/model/change.ts';
import { get, type ImmutableMap, sortedKeys } from '../../src/model/immutable-map.ts';
import { revise } from '../../src/model/revise.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type Decided, decideRoutes } from '../../src/routing/routes.ts';
import { defaultRoutingSettings, type HostFacts, type RoutingSettings } from '../../src/routing/settings.ts';
import { type IptablesFeatures, usualFeatures } from '../../src/rules/iptables/features.ts';
import { type Layout, layOut } from '../../src/rules/iptables/layout/layout.ts';
import { type ChainNames, chainNames } from '../../src/rules/iptables/names.ts';
import { type EndpointOptions, type Json, node, type PortOptions, service, slice } from './objects.ts';
import { snapshotOf } from './rules-of.ts';

// A failed property prints its seed; with it in FC_SEED all properties run again from there.
const seed = process.env['FC_SEED'];
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });

/** A Service with its slices. Its addresses and NodePorts follow from its number, so that no two Services claim the same. */
export type Member = readonly Json[];

/** Services by number; undefined where there is none. Two clusters are the same where they hold the same member. */
export type Cluster = readonly (Member | undefined)[];

export function objectsOf(cluster: Cluster): readonly Json[] {
  return [nodeA, ...cluster.flatMap((member) => member ?? [])];
}

const nodeA = node({
  name: 'node-a',
  addresses: ['192.168.50.11', 'fd00:50::11'],
  zone: 'zone-1',
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
});

/** The address at a place in a network of its own for each use. */
const places = {
  vip: (number: number, family: Family) => wide(family, '172.30', 'fd00:172:30', number),
  balancer: (number: number, family: Family) => wide(family, '198.51', '2001:db8:100', number),
  external: (number: number, family: Family) => wide(family, '192.88', '2001:db8:192', number),
  pod: (number: number, family: Family) => wide(family, '10.244', 'fd00:10:244', number),
};

/** Scattered, so that dispatch trees have branches. */
function wide(family: Family, v4: string, v6: string, number: number): string {
  const high = (number * 37) % 256;
  const low = number % 256;
  return family === 'IPv4' ? `${v4}.${high}.${low}` : `${v6}:${(high + 1).toString(16)}::${low + 1}`;
}

/** What one endpoint is like. Most are ready. */
const condition: fc.Arbitrary<Omit<EndpointOptions, 'address'>> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.constantFrom(
    { ready: false },
    { ready: false, serving: true, terminating: true },
    { ready: false, serving: false, terminating: true },
  ),
);

const hints: fc.Arbitrary<Pick<EndpointOptions, 'forNodes' | 'forZones'>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.constantFrom({ forZones: ['zone-1'] }, { forZones: ['zone-2'] }, { forNodes: ['node-a'] }),
);

/** Endpoints by the place of their pod; past 16 of them the choice is a tree. */
const endpoints = fc.oneof(
  { weight: 12, arbitrary: endpointList(4) },
  { weight: 1, arbitrary: fc.integer({ min: 15, max: 40 }).chain((count) => manyEndpoints(count)) },
);

function endpointList(maxLength: number) {
  const one = fc.record({ place: fc.integer({ min: 0, max: 12 }), here: fc.boolean(), condition, hints });
  return fc.uniqueArray(one, { maxLength, selector: ({ place }) => place });
}

function manyEndpoints(count: number) {
  return fc.record({ here: fc.integer({ min: 1, max: 5 }), condition }).map(({ here, condition: same }) =>
    [...Array(count).keys()].map((place) => ({
      place,
      here: place % here === 0,
      condition: same,
      hints: {},
    })),
  );
}

const policy = fc.constantFrom('Cluster', 'Local');
const ranges = fc.constantFrom(
  [],
  ['203.0.113.0/25', '2001:db8:113::/119'],
  ['192.168.50.0/24', '203.0.113.0/25', 'fd00:50::/64'],
  ['203.0.113.7/32', '2001:db8:113::7/128'],
  ['0.0.0.0/0', '::/0'],
);

/** Any Service with that number. */
function members(number: number): fc.Arbitrary<Member> {
  return fc
    .record({
      type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
      ofFamilies: fc.constantFrom(families, families, families, ['IPv4'] as const, ['IPv6'] as const),
      ports: fc.subarray<Omit<PortOptions, 'nodePort'>>(
        [
          { name: 'http', port: 80 },
          { name: 'dns', protocol: 'UDP', port: 53 },
          { name: 'dns-tcp', port: 53 },
          { name: 'signal', protocol: 'SCTP', port: 2905 },
        ],
        { minLength: 1, maxLength: 2 },
      ),
      nodePorts: fc.boolean(),
      externalIPs: fc.integer({ min: 0, max: 2 }),
      ingress: fc.integer({ min: 0, max: 2 }),
      ranges,
      affinity: fc.constantFrom(undefined, undefined, 60, 10_800),
      internalTrafficPolicy: policy,
      externalTrafficPolicy: policy,
      healthCheck: fc.boolean(),
      endpoints,
    })
    .map((drawn) => memberOf(number, drawn));
}

interface Drawn {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly ofFamilies: readonly Family[];
  readonly ports: readonly Omit<PortOptions, 'nodePort'>[];
  readonly nodePorts: boolean;
  readonly externalIPs: number;
  readonly ingress: number;
  readonly ranges: readonly string[];
  readonly affinity: number | undefined;
  readonly internalTrafficPolicy: string;
  readonly externalTrafficPolicy: string;
  readonly healthCheck: boolean;
  readonly endpoints: readonly {
    readonly place: number;
    readonly here: boolean;
    readonly condition: Omit<EndpointOptions, 'address'>;
    readonly hints: Omit<EndpointOptions, 'address'>;
  }[];
}

function memberOf(number: number, drawn: Drawn): Member {
  const { type, ofFamilies, ports, affinity, externalTrafficPolicy } = drawn;
  const name = `s${number}`;
  const several = (count: number, address: (at: number, family: Family) => string) =>
    [...Array(count).keys()].flatMap((index) =>
      ofFamilies.map((family) => address(number * 2 + index, family)),
    );
  const object = service({
    name,
    type,
    clusterIPs: ofFamilies.map((family) => places.vip(number, family)),
    ports: ports.map((port, index) =>
      type !== 'ClusterIP' && drawn.nodePorts ? { ...port, nodePort: 30_000 + number * 2 + index } : port,
    ),
    ingress: type === 'LoadBalancer' ? several(drawn.ingress, places.balancer).map((ip) => ({ ip })) : [],
    spec: {
      externalIPs: several(drawn.externalIPs, places.external),
      internalTrafficPolicy: drawn.internalTrafficPolicy,
      externalTrafficPolicy,
      loadBalancerSourceRanges: drawn.ranges,
      ...(drawn.healthCheck ? { healthCheckNodePort: 32_000 + number } : {}),
      ...(affinity === undefined
        ? {}
        : { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: affinity } } }),
    },
  });
  const slices = ofFamilies.map((family) =>
    slice({
      of: name,
      suffix: family.toLowerCase(),
      family,
      ports: ports.map((port) => ({ ...port, port: port.port + 8000 })),
      endpoints: drawn.endpoints.map(({ place, here, condition: state, hints: hinted }) => ({
        address: places.pod(number * 41 + place, family),
        node: here ? 'node-a' : 'node-b',
        ...state,
        ...hinted,
      })),
    }),
  );
  return [object, ...slices];
}

/** Clusters; one in four has so many Services that dispatch is a tree. */
export const clusters: fc.Arbitrary<Cluster> = fc
  .oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 5 }) },
    { weight: 1, arbitrary: fc.integer({ min: 14, max: 40 }) },
  )
  .chain((size) => clustersOf(size));

export function clustersOf(size: number): fc.Arbitrary<Cluster> {
  return fc.tuple(...[...Array(size).keys()].map((number) => members(number)));
}

/** A cluster and what became of it: some Services changed, some went, some came; sometimes nearly all. */
export const histories: fc.Arbitrary<readonly [Cluster, Cluster]> = clusters.chain((before) =>
  fc.tuple(fc.constant(before), successors(before)),
);

export function successors(before: Cluster): fc.Arbitrary<Cluster> {
  const next = (quiet: number) =>
    [...before, ...Array<undefined>(3)].map((member, number) =>
      fc.oneof(
        { weight: quiet, arbitrary: fc.constant(member) },
        { weight: 2, arbitrary: members(number) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
    );
  return fc.constantFrom(1, 8, 40).chain((quiet) => fc.tuple(...next(quiet)));
}

/** Everything of the configuration that decides packets. */
export const routingSettings: fc.Arbitrary<RoutingSettings> = fc.record({
  masqueradeAll: fc.boolean(),
  masqueradeBit: fc.constantFrom(0, 14, 31),
  detectLocal: fc.constantFrom(
    { mode: 'None' },
    { mode: 'NodeCIDR' },
    { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16', 'fd00:10:244::/48'] },
    { mode: 'BridgeInterface', name: 'cni0' },
    { mode: 'InterfaceNamePrefix', prefix: 'veth' },
  ),
  nodePortAddresses: fc.constantFrom(
    { kind: 'all' },
    { kind: 'primary' },
    { kind: 'cidrs', cidrs: ['192.168.50.0/24', '127.0.0.0/8', 'fd00:50::/64'] },
  ),
  localhostNodePorts: fc.boolean(),
  besideKubeProxy: fc.boolean(),
  nodeAddresses: fc.constant([]),
});

const iptablesFeatures: fc.Arbitrary<IptablesFeatures> = fc.record({
  randomFully: fc.boolean(),
  nfacct: fc.boolean(),
  recent: fc.constant(true),
  sctp: fc.constant(true),
});

export const someFamily: fc.Arbitrary<Family> = fc.constantFrom(...families);

/** The node under test, apart from its cluster. */
export interface Setting {
  readonly family: Family;
  readonly settings: RoutingSettings;
  readonly features: IptablesFeatures;
  readonly comments: boolean;
}

export const someSetting: fc.Arbitrary<Setting> = fc.record({
  family: someFamily,
  settings: routingSettings,
  features: iptablesFeatures,
  comments: fc.boolean(),
});

/** How chains are called in a setting. */
export function namesIn({ settings }: Setting): ChainNames {
  return chainNames(settings);
}

/** As kube-proxy is set up in most clusters. */
export const plainSetting: Setting = {
  family: 'IPv4',
  settings: {
    ...defaultRoutingSettings,
    detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16', 'fd00:10:244::/48'] },
  },
  features: usualFeatures,
  comments: true,
};

export const host: HostFacts = {
  addresses: ['127.0.0.1', '192.168.50.11', '10.0.3.7', '::1', 'fd00:50::11'],
  conntrackTcpBeLiberal: false,
};

/** What a fake kernel needs for rules with `nfacct`. */
export const nfacctCounters = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];

/** One moment of a node: what the agent holds of one family once it has decided and laid out. */
export interface Moment {
  readonly snapshot: Snapshot;
  readonly decided: Decided;
  readonly layout: Layout;
}

/** The moment of these objects; with `before`, reached from there as the agent does, else from nothing. */
export function momentOf(setting: Setting, objects: readonly Json[], before?: Moment): Moment {
  const wanted = snapshotOf(objects);
  const known = before?.snapshot;
  return momentOfSnapshot(
    setting,
    known === undefined ? wanted : revise(known, changesTo(known, wanted)),
    before,
  );
}

/** The moment of a snapshot, reached from `before` when that is given. */
export function momentOfSnapshot(setting: Setting, snapshot: Snapshot, before?: Moment): Moment {
  const { family, settings, features, comments } = setting;
  const decided = finish(decideRoutes({ family, settings, host, snapshot }, before?.decided));
  const layout = finish(layOut(decided, { features, comments }, before?.layout));
  return { snapshot, decided, layout };
}

/** Everything that turns one snapshot into what another one says, as a source would tell it. */
export function changesTo(before: Snapshot, after: Snapshot): readonly ObjectChange[] {
  const keys = <V>(from: ImmutableMap<V>, to: ImmutableMap<V>) =>
    new Set([...sortedKeys(from), ...sortedKeys(to)]);
  return [
    ...[...keys(before.services, after.services)].map(
      (key) => ({ kind: 'Service', key, object: get(after.services, key) }) as const,
    ),
    ...[...keys(before.slices, after.slices)].map(
      (key) => ({ kind: 'EndpointSlice', key, object: get(after.slices, key) }) as const,
    ),
    { kind: 'Node', key: after.nodeName, object: after.node },
  ];
}
