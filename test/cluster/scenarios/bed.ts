import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { deployment } from './objects.ts';
import { podsOf } from './read.ts';
import { untilReady } from './waits.ts';

/** A cluster, and whom connections start from. */
export interface Bed {
  readonly cluster: Cluster;
  /** A Pod on each node that only sends, and the nodes themselves. */
  readonly inside: readonly Place[];
}

/** Creates the Pods that only send. */
export async function makeBed(cluster: Cluster): Promise<Bed> {
  const { api } = cluster;
  await api.create(deployment({ name: 'clients', replicas: nodeNames.length, ports: [] }));
  await untilReady(api, 'clients');
  return { cluster, inside: [...(await podsOf(api, 'clients')), ...nodeNames] };
}
