import { type Family, families } from '../../src/model/address.ts';
import { type Json, nodeOf, service, slice } from '../conformance/objects.ts';
import { type PodName, placesOf } from '../conformance/places.ts';
import type { TrafficProtocol } from '../netns/actor.ts';

export const at = { IPv4: placesOf('IPv4'), IPv6: placesOf('IPv6') } as const;

export const protocols: readonly TrafficProtocol[] = ['TCP', 'UDP'];

export interface DualOptions {
  readonly name: string;
  /** Number of its ClusterIP in each family, 1 to 254. */
  readonly vip: number;
  readonly pods: readonly PodName[];
  readonly families?: readonly Family[];
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly nodePort?: number;
  readonly spec?: Json;
}

/** A Service with TCP and UDP at port 80, and its slices with the pods' ports 8080, in both families unless told otherwise. */
export function dual(options: DualOptions): readonly Json[] {
  const { name, vip, type, nodePort, spec = {}, families: spoken = families } = options;
  const node = nodePort === undefined ? {} : { nodePort };
  const ports = protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 80, ...node }));
  const clusterIPs = spoken.map((family) => at[family].vip(vip));
  const typed = type === undefined ? {} : { type };
  return [service({ name, clusterIPs, ports, spec, ...typed }), ...slices(options)];
}

/** The slices alone. */
export function slices({ name, pods, families: spoken = families }: DualOptions): readonly Json[] {
  const ports = protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 8080 }));
  return spoken.map((family) => {
    const endpoints = pods.map((pod) => ({ address: at[family].pod(pod), node: nodeOf(pod) }));
    return slice({ of: name, family, suffix: family.toLowerCase(), ports, endpoints });
  });
}
