// Connections that go on while the cluster changes, from many places at once.
import { type Family, families } from '../../../src/model/address.ts';
import type { DialResult, StreamCounts, TrafficProtocol } from '../../netns/actor.ts';
import type { RunningTraffic } from '../../netns/stage.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import type { Convergence } from './convergence.ts';
import { protocols } from './objects.ts';
import { addressesOf } from './read.ts';

/** New connections from a place to an address, again and again. */
export interface Flow {
  readonly from: Place;
  readonly to: string;
  readonly port: number;
  readonly protocol: TrafficProtocol;
}

export interface FlowsOptions {
  /** Between two new connections of a flow; 100 when undefined. */
  readonly everyMilliseconds?: number;
  /** Long connections of each TCP flow besides; none when undefined. */
  readonly kept?: number;
}

export interface FlowTotals {
  /** New connections and datagrams that were answered, all in all and by server. */
  readonly answered: number;
  readonly byServer: ReadonlyMap<Place, number>;
  readonly failed: readonly (Flow & { readonly result: DialResult })[];
  readonly kept: readonly (Flow & StreamCounts['kept'][number])[];
}

/** To port 80 of a Service with node ports: inside by its ClusterIPs, and from the client by all nodes. */
export async function flowsTo(
  { api, network }: Pick<Cluster, 'api' | 'network'>,
  service: string,
  inside: readonly Place[],
): Promise<readonly Flow[]> {
  const { clusterIP, nodePort } = await addressesOf(api, service);
  const each = (flow: (family: Family, protocol: TrafficProtocol) => readonly Flow[]): readonly Flow[] =>
    families.flatMap((family) => protocols.flatMap((protocol) => flow(family, protocol)));
  return [
    ...each((family, protocol) =>
      inside.map((from) => ({ from, to: clusterIP[family], port: 80, protocol })),
    ),
    ...each((family, protocol) =>
      nodeNames.map((node) => ({
        from: 'client',
        to: network.address(node, family),
        port: nodePort(protocol, 80),
        protocol,
      })),
    ),
  ];
}

/** Starts them; resolves when each has been answered a few times. */
export async function startFlows(
  { network }: Pick<Cluster, 'network'>,
  flows: readonly Flow[],
  { everyMilliseconds = 100, kept = 0 }: FlowsOptions = {},
): Promise<RunningFlows> {
  const started = flows.map(async (flow) => {
    const options = { everyMilliseconds, kept: flow.protocol === 'TCP' ? kept : 0 };
    return { flow, traffic: await network.startTraffic(flow.from, { ...flow, ...options }) };
  });
  const running = new RunningFlows(await Promise.all(started));
  await running.untilAnswered(3 * flows.length);
  return running;
}

interface Started {
  readonly flow: Flow;
  readonly traffic: RunningTraffic;
}

export class RunningFlows {
  readonly #started: readonly Started[];

  /** Use {@link startFlows}. */
  constructor(started: readonly Started[]) {
    this.#started = started;
  }

  count(): Promise<FlowTotals> {
    return this.#totals((traffic) => traffic.count());
  }

  /** Waits for connections that are under way. */
  stop(): Promise<FlowTotals> {
    return this.#totals((traffic) => traffic.stop());
  }

  /** Until so many more have been answered. */
  async untilAnswered(more: number): Promise<void> {
    const before = (await this.count()).answered;
    let last = before;
    const what = () => `${more} more connections are answered: ${last - before}`;
    await until(what, 60_000, async () => {
      last = (await this.count()).answered;
      return last >= before + more;
    });
  }

  async #totals(counts: (traffic: RunningTraffic) => Promise<StreamCounts>): Promise<FlowTotals> {
    const all = await Promise.all(
      this.#started.map(async ({ flow, traffic }) => ({ flow, ...(await counts(traffic)) })),
    );
    const byServer = new Map<Place, number>();
    for (const { answered } of all) {
      for (const [server, times] of Object.entries(answered)) {
        byServer.set(server, (byServer.get(server) ?? 0) + times);
      }
    }
    return {
      answered: [...byServer.values()].reduce((sum, times) => sum + times, 0),
      byServer,
      failed: all.flatMap(({ flow, failed }) => failed.map((result) => ({ ...flow, result }))),
      kept: all.flatMap(({ flow, kept }) => kept.map((connection) => ({ ...flow, ...connection }))),
    };
  }
}

/** A line for whoever reads along. */
export function tellFigures(what: string, { answered, failed, kept }: FlowTotals, by: Convergence): void {
  const times = `published after ${by.published} ms, on all nodes ${by.programmed - by.published} ms later`;
  const long = kept.length === 0 ? '' : `, ${kept.length} kept`;
  console.log(`${what}: ${answered} connections answered, ${failed.length} failed${long}; ${times}`);
}
