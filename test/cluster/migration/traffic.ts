import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import { addressesOf } from '../scenarios/read.ts';
import { type RunningStreams, startStreams } from '../scenarios/streams.ts';

/**
 * Everybody's constant calls through one node: new connections all the time and one long one each, in both families, from the node and a pod to the
 * ClusterIP, from outside to the node port.
 */
export async function startNodeTraffic(
  { api, network }: Cluster,
  { node, pod, service }: { readonly node: NodeName; readonly pod: Place; readonly service: string },
): Promise<RunningStreams> {
  const { clusterIP, nodePort } = await addressesOf(api, service);
  const pace = { everyMilliseconds: 50, kept: 1, timeoutMilliseconds: 3000 };
  const streams = families.flatMap((family) => [
    { ...pace, from: node, to: clusterIP[family], port: 80 },
    { ...pace, from: pod, to: clusterIP[family], port: 80 },
    { ...pace, from: 'client', to: network.address(node, family), port: nodePort('TCP', 80) },
  ]);
  return startStreams({ network }, streams);
}
