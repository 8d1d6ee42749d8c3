import type { Finding } from './finding.ts';
import { differences, entries, get, type ImmutableMap, immutableMap, withEntries } from './immutable-map.ts';
import { kept } from './kept.ts';
import { objectKey } from './service.ts';
import type { ServicePort, Snapshot } from './snapshot.ts';

/** One Service port's claim on an address and port, or on a NodePort. */
interface Claim {
  /** {@link ServicePort.key}. */
  readonly key: string;
  /** `namespace/name`. */
  readonly service: string;
  readonly uid: string | undefined;
  /** The field that claims: `spec.externalIPs`. */
  readonly field: string;
}

/** Who claims what in a snapshot; revised along with it, at the cost of what changed. */
export interface Claims {
  /** Claims by `10.0.0.1 port 80/TCP` or `node port 30080/TCP`, the one that wins first. */
  readonly held: ImmutableMap<readonly Claim[]>;
  /** Those of `held` that several Services claim. */
  readonly contested: ImmutableMap<readonly Claim[]>;
}

export const noClaims: Claims = { held: immutableMap(), contested: immutableMap() };

/** The claims of `after`, when `claims` are those of `before`. */
export function reviseClaims(claims: Claims, before: Snapshot, after: Snapshot): Claims {
  const revised = new Map<string, Claim[]>();
  const claimants = (what: string): Claim[] => {
    const list = revised.get(what) ?? [...(get(claims.held, what) ?? [])];
    revised.set(what, list);
    return list;
  };
  for (const { before: old, after: now } of differences(before.servicePorts, after.servicePorts)) {
    if (old?.service === now?.service) continue;
    for (const [what, { key }] of claimsOf(old)) {
      const list = claimants(what);
      list.splice(
        list.findIndex((claim) => claim.key === key),
        1,
      );
    }
    for (const [what, claim] of claimsOf(now)) claimants(what).push(claim);
  }
  for (const list of revised.values()) list.sort(byStrength);
  return {
    held: withEntries(
      claims.held,
      [...revised].map(([what, list]) => [what, list.length > 0 ? kept(list) : undefined] as const),
    ),
    contested: withEntries(
      claims.contested,
      [...revised].map(([what, list]) => [what, isContested(list) ? kept(list) : undefined] as const),
    ),
  };
}

/** A finding for every claim that loses (NP-OBJECT-003). The rules stand in the same order, see {@link byStrength}. */
export function conflicts(claims: Claims): readonly Finding[] {
  return [...entries(claims.contested)].flatMap(([what, [winner, ...losers]]) =>
    losers
      .filter((loser) => loser.service !== winner?.service)
      .map(({ service, uid, field }) => ({
        code: 'NP-OBJECT-003',
        object: `Service ${service}`,
        ...(uid === undefined ? {} : { uid }),
        field,
        reason: `${what} is claimed by Service ${winner?.service} too, which wins`,
      })),
  );
}

/** Fields from the strongest: an external IP, which anybody may write, takes no ClusterIP away (CVE-2020-8554). */
const strength = ['spec.clusterIPs', 'spec.ports', 'status.loadBalancer.ingress', 'spec.externalIPs'];

function byStrength(one: Claim, other: Claim): number {
  const difference = strength.indexOf(one.field) - strength.indexOf(other.field);
  return difference === 0 ? (one.key < other.key ? -1 : 1) : difference;
}

function claimsOf(servicePort: ServicePort | undefined): ReadonlyMap<string, Claim> {
  if (servicePort === undefined) return new Map();
  const { key, service, port } = servicePort;
  const claim = (field: string): Claim => ({
    key,
    service: objectKey(service),
    uid: service.uid,
    field,
  });
  const target = `port ${port.port}/${port.protocol}`;
  const addresses: readonly (readonly [string, readonly string[]])[] = [
    ['status.loadBalancer.ingress', service.loadBalancerIPs],
    ['spec.externalIPs', service.externalIPs],
    ['spec.clusterIPs', service.clusterIPs],
  ];
  const claims = addresses.flatMap(([field, list]) =>
    list.map((address) => [[address, target].join(' '), claim(field)] as const),
  );
  const node = `node port ${port.nodePort}/${port.protocol}`;
  return new Map(port.nodePort === 0 ? claims : [...claims, [node, claim('spec.ports')]]);
}

function isContested(claims: readonly Claim[]): boolean {
  return claims.some(({ service }) => service !== claims[0]?.service);
}
