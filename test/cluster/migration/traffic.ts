import { families } from '../../../src/model/address.ts';
import type { RunningTraffic } from '../../netns/stage.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import { addressesOf } from '../scenarios/read.ts';

/** Everybody's constant calls through one node, and what became of them so far. */
export interface NodeTraffic {
  /** Made and failed since the start; in words for the reader, with the first failures. */
  counts(): Promise<TrafficCounts>;
  stop(): Promise<TrafficCounts>;
}

export interface TrafficCounts {
  readonly answered: number;
  readonly failed: readonly string[];
  /** Connections that were to live all the while. */
  readonly broken: readonly string[];
}

/** New connections all the time and one long one each, in both families: from the node and a pod to the ClusterIP, from outside to the node port. */
export async function startNodeTraffic(
  { api, network }: Cluster,
  { node, pod, service }: { readonly node: NodeName; readonly pod: Place; readonly service: string },
): Promise<NodeTraffic> {
  const addresses = await addressesOf(api, service);
  const port = addresses.nodePort('TCP', 80);
  const running: RunningTraffic[] = [];
  for (const family of families) {
    const calls = [
      { from: node, to: addresses.clusterIP[family], port: 80 },
      { from: pod, to: addresses.clusterIP[family], port: 80 },
      { from: 'client', to: network.address(node, family), port },
    ];
    for (const { from, ...target } of calls) {
      const pace = { everyMilliseconds: 50, kept: 1, timeoutMilliseconds: 3000 };
      running.push(await network.startTraffic(from, { ...target, ...pace }));
    }
  }
  return {
    counts: () => sum(running.map((each) => each.count())),
    stop: () => sum(running.map((each) => each.stop())),
  };
}

async function sum(counting: readonly ReturnType<RunningTraffic['count']>[]): Promise<TrafficCounts> {
  const all = await Promise.all(counting);
  return {
    answered: all.flatMap(({ answered }) => Object.values(answered)).reduce((total, each) => total + each, 0),
    failed: all.flatMap(({ failed }) => failed.map((dial) => `${dial.from}: ${dial.outcome}`)),
    broken: all.flatMap(({ kept }) => kept.flatMap(({ broken }) => broken || [])),
  };
}
