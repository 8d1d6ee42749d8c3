// Connections to a Service from everywhere, that go on while the cluster changes.
import { type Family, families } from '../../../src/model/address.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import type { Convergence } from './convergence.ts';
import { protocols } from './objects.ts';
import { addressesOf } from './read.ts';
import { figures, type RunningStreams, type Stream, type StreamTotals, startStreams } from './streams.ts';

export interface Pace {
  /** Between two new connections of a stream; 100 when undefined. */
  readonly everyMilliseconds?: number;
  /** Long connections of each TCP stream besides; none when undefined. */
  readonly kept?: number;
}

/** To port 80 of a Service with node ports: from places inside by its ClusterIPs, and from the client by all nodes. Resolves when they are answered. */
export async function startStreamsTo(
  cluster: Pick<Cluster, 'api' | 'network'>,
  service: string,
  inside: readonly Place[],
  { everyMilliseconds = 100, kept = 0 }: Pace = {},
): Promise<RunningStreams> {
  const { clusterIP, nodePort } = await addressesOf(cluster.api, service);
  const streamsBy = (family: Family, protocol: TrafficProtocol): readonly Stream[] => {
    const common = { protocol, everyMilliseconds, kept: protocol === 'TCP' ? kept : 0 };
    const port = nodePort(protocol, 80);
    return [
      ...inside.map((from) => ({ ...common, from, to: clusterIP[family], port: 80 })),
      ...nodeNames.map((node) => ({
        ...common,
        from: 'client',
        to: cluster.network.address(node, family),
        port,
      })),
    ];
  };
  const streams = families.flatMap((family) => protocols.flatMap((protocol) => streamsBy(family, protocol)));
  const running = await startStreams(cluster, streams);
  await untilMore(running, 3 * streams.length);
  return running;
}

/** Until so many more connections have ended. */
export async function untilMore(streams: RunningStreams, more: number): Promise<void> {
  const before = (await streams.count()).connections;
  let last = before;
  const what = () => `${more} more connections: ${last - before}`;
  await until(what, 60_000, async () => {
    last = (await streams.count()).connections;
    return last >= before + more;
  });
}

/** A line for whoever reads along. */
export function tellFigures(what: string, totals: StreamTotals, by: Convergence): void {
  const later = by.programmed - by.published;
  console.log(
    `${what}: ${figures(totals)}; published after ${by.published} ms, on all nodes ${later} ms later`,
  );
}
