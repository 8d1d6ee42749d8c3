import type { Family } from '../../src/model/address.ts';
import {
  clientAddress,
  clientAddressNumber,
  clusterIP,
  clusterNetwork,
  externalIP,
  loadBalancerIP,
  nodeAddress,
  podAddresses,
  podNetwork,
} from '../netns/addresses.ts';

/** Pods of the world: p1 to p3 on the node under test, r1 to r3 on the other one. */
export type PodName = 'p1' | 'p2' | 'p3' | 'r1' | 'r2' | 'r3';

/** Addresses of the world in one family, so that a scenario is written once for both. */
export interface Places {
  readonly family: Family;
  pod(name: PodName): string;
  readonly node: string;
  readonly otherNode: string;
  /** The client's own address, or another one of its network, 1 to 254. */
  client(number?: number): string;
  /** Halves of the client's network: `low` holds its addresses 1 to 127, `high` those from 200. */
  readonly clients: { readonly low: string; readonly high: string };
  vip(number: number): string;
  balancer(number: number): string;
  external(number: number): string;
  readonly clusterNetwork: string;
  readonly nodePods: string;
  readonly loopback: string;
}

export function placesOf(family: Family): Places {
  const v4 = family === 'IPv4';
  return {
    family,
    pod: (name) =>
      podAddresses(name.startsWith('p') ? 'node-a' : 'node-b', Number(name.slice(1)) - 1)[family],
    node: nodeAddress('node-a', family),
    otherNode: nodeAddress('node-b', family),
    client: (number) => (number === undefined ? clientAddress[family] : clientAddressNumber(number, family)),
    clients: v4
      ? { low: '203.0.113.0/25', high: '203.0.113.128/25' }
      : { low: '2001:db8:113::/119', high: '2001:db8:113::200/119' },
    vip: (number) => clusterIP(number, family),
    balancer: (number) => loadBalancerIP(number, family),
    external: (number) => externalIP(number, family),
    clusterNetwork: clusterNetwork[family],
    nodePods: podNetwork('node-a', family),
    loopback: v4 ? '127.0.0.1' : '::1',
  };
}
