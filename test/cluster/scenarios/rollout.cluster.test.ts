import { beforeAll, expect, it } from 'vitest';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { converge } from './convergence.ts';
import { describeCluster } from './describe-cluster.ts';
import { flowsTo, startFlows, tellFigures } from './flows.ts';
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
    const flows = await startFlows(cluster, await flowsTo(cluster, 'shop', inside), { kept: 1 });
    const convergence = await converge(cluster, 'shop', () => scale(30), allReady(30));
    await flows.untilAnswered(500);
    const totals = await flows.stop();
    tellFigures('1 → 30 replicas', totals, convergence);
    expect(totals.failed).toEqual([]);
    expect(totals.kept.map(({ broken }) => broken).filter((each) => each !== '')).toEqual([]);
    expect(totals.byServer.size).toBe(30);
  });

  it('loses nothing when it is scaled from 30 to 3', async () => {
    const flows = await startFlows(cluster, await flowsTo(cluster, 'shop', inside), { kept: 1 });
    const convergence = await converge(cluster, 'shop', () => scale(3), someReady(3));
    await untilEndpoints(cluster.api, 'shop', allReady(3));
    await flows.untilAnswered(200);
    const totals = await flows.stop();
    tellFigures('30 → 3 replicas', totals, convergence);
    expect(totals.failed).toEqual([]);
    const stayed = await podsOf(cluster.api, 'shop');
    const broken = totals.kept.filter((each) => each.broken !== '' && stayed.includes(each.server));
    expect(broken).toEqual([]);
  });

  it('loses nothing in a rolling update of 9', async () => {
    await scale(9);
    await untilReady(cluster.api, 'shop');
    await untilEndpoints(cluster.api, 'shop', allReady(9));
    const before = await podsOf(cluster.api, 'shop');
    const flows = await startFlows(cluster, await flowsTo(cluster, 'shop', inside));
    const template = { metadata: { annotations: { version: '2' } } };
    const change = async () => {
      await cluster.api.patch(shop, { spec: { template } });
      await untilReady(cluster.api, 'shop');
    };
    const convergence = await converge(cluster, 'shop', change, allReady(9));
    await flows.untilAnswered(200);
    const totals = await flows.stop();
    tellFigures('rolling update of 9 replicas', totals, convergence);
    expect(totals.failed).toEqual([]);
    expect((await podsOf(cluster.api, 'shop')).filter((pod) => before.includes(pod))).toEqual([]);
  });
}

const shop = { kind: 'Deployment', name: 'shop' } as const;
