// One way to a Service, and clients that use it again and again.
import { type Family, families } from '../../../src/model/address.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Cluster } from '../cluster.ts';
import { clientAddressNumber } from '../network/addresses.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { protocols } from './objects.ts';
import { addressesOf, type ServiceAddresses } from './read.ts';

/** From one place to one address; each source is a client of its own. */
export interface Entrance {
  readonly from: Place;
  readonly to: string;
  readonly port: number;
  readonly protocol: TrafficProtocol;
  readonly sources: readonly string[];
}

/** To port 80 of a Service with node ports: from each place inside with its own address, and from so many clients outside by each node. */
export async function entrancesOf(
  cluster: Pick<Cluster, 'api' | 'network'>,
  service: string,
  inside: readonly Place[],
  clients: number,
): Promise<readonly Entrance[]> {
  const addresses = await addressesOf(cluster.api, service);
  return families.flatMap((family) =>
    protocols.flatMap((protocol) => [
      ...inside.map((from) => inner(cluster, addresses, { from, family, protocol })),
      ...nodeNames.map((node) => ({
        from: 'client',
        to: cluster.network.address(node, family),
        port: addresses.nodePort(protocol, 80),
        protocol,
        sources: Array.from({ length: clients }, (_, index) => clientAddressNumber(100 + index, family)),
      })),
    ]),
  );
}

interface From {
  readonly from: Place;
  readonly family: Family;
  readonly protocol: TrafficProtocol;
}

function inner(
  { network }: Pick<Cluster, 'network'>,
  { clusterIP }: ServiceAddresses,
  { from, family, protocol }: From,
): Entrance {
  return { from, to: clusterIP[family], port: 80, protocol, sources: [network.address(from, family)] };
}

/** A new connection of each client at each entrance, never two of one client at a time. @returns names of servers or outcomes, by source. */
export function askAll(
  { network }: Pick<Cluster, 'network'>,
  entrances: readonly Entrance[],
): Promise<readonly (readonly string[])[]> {
  return Promise.all(
    entrances.map(async ({ from, ...entrance }) => {
      const count = entrance.sources.length;
      const dials = await network.dial(from, { ...entrance, count, concurrency: count });
      return dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome));
    }),
  );
}
