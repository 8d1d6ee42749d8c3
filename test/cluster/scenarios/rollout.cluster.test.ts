import { beforeAll, expect, it } from 'vitest';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { startStreamsTo, tellFigures, untilMore } from './constant-streams.ts';
import { converge } from './convergence.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, service } from './objects.ts';
import { podsOf } from './read.ts';
import { allReady, someReady, untilEndpoints, untilReady } from './waits.ts';

describeCluster('rollouts under constant traffic', rollouts);

function rollouts(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let inside: readonly Place[];

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'clients', replicas: 3, ports: [] }));
    await api.create(deployment({ name: 'shop', preStopSeconds: 3 }));
    await api.create(service({ name: 'shop', type: 'NodePort' }));
    await Promise.all(['clients', 'shop'].map((name) => untilReady(api, name)));
    await converge(cluster, 'shop', async () => undefined, allReady(1));
    inside = [...(await podsOf(api, 'clients')), ...nodeNames];
  });

  const scale = (replicas: number) => cluster.api.patch(shop, { spec: { replicas } });

  it('loses nothing when it is scaled from 1 to 30', async () => {
    const streams = await startStreamsTo(cluster, 'shop', inside, { kept: 1 });
    const convergence = await converge(cluster, 'shop', () => scale(30), allReady(30));
    await untilMore(streams, 500);
    const totals = await streams.stop();
    tellFigures('1 → 30 replicas', totals, convergence);
    expect(totals.failed).toEqual([]);
    expect(totals.kept.map(({ broken }) => broken).filter((each) => each !== '')).toEqual([]);
    expect(totals.byServer.size).toBe(30);
  });

  it('loses nothing when it is scaled from 30 to 3, and no connection to those that stay', async () => {
    const streams = await startStreamsTo(cluster, 'shop', inside, { kept: 3 });
    const convergence = await converge(cluster, 'shop', () => scale(3), someReady(3));
    await untilEndpoints(cluster.api, 'shop', allReady(3));
    await untilMore(streams, 200);
    const totals = await streams.stop();
    const stayed = await podsOf(cluster.api, 'shop');
    const kept = totals.kept.filter(({ server }) => stayed.includes(server));
    tellFigures('30 → 3 replicas', totals, convergence);
    console.log(`of the long ones, ${kept.length} to Pods that stay`);
    expect(totals.failed).toEqual([]);
    expect(kept.filter(({ broken }) => broken !== '')).toEqual([]);
  });

  it('loses nothing in a rolling update of 9', async () => {
    await scale(9);
    await untilReady(cluster.api, 'shop');
    await untilEndpoints(cluster.api, 'shop', allReady(9));
    const before = await podsOf(cluster.api, 'shop');
    const streams = await startStreamsTo(cluster, 'shop', inside);
    const template = { metadata: { annotations: { version: '2' } } };
    const change = async () => {
      await cluster.api.patch(shop, { spec: { template } });
      await untilReady(cluster.api, 'shop');
    };
    const convergence = await converge(cluster, 'shop', change, allReady(9));
    await untilMore(streams, 200);
    const totals = await streams.stop();
    tellFigures('rolling update of 9 replicas', totals, convergence);
    expect(totals.failed).toEqual([]);
    expect((await podsOf(cluster.api, 'shop')).filter((pod) => before.includes(pod))).toEqual([]);
  });
}

const shop = { kind: 'Deployment', name: 'shop' } as const;
