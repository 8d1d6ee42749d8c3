import { beforeAll, expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { startStreamsTo, tellFigures, untilMore } from './constant-streams.ts';
import { converge } from './convergence.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, protocols, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, type Endpoint, endpointsOf, podsOf } from './read.ts';
import { allReady, someReady, untilEndpoints, untilReady } from './waits.ts';

describeCluster('endpoints that come and go', endpoints);

function endpoints(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let inside: readonly Place[];

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    await api.create(deployment({ name: 'clients', replicas: 3, ports: [] }));
    await api.create(deployment({ name: 'shop', replicas: 3 }));
    await api.create(service({ name: 'shop', type: 'NodePort' }));
    // Long enough for all that is looked at while they end.
    await api.create(deployment({ name: 'last', replicas: 2, preStopSeconds: 6 }));
    await api.create(service({ name: 'last', type: 'NodePort' }));
    await Promise.all(['clients', 'shop', 'last'].map((name) => untilReady(api, name)));
    await converge(cluster, 'shop', async () => undefined, allReady(3));
    await converge(cluster, 'last', async () => undefined, allReady(2));
    inside = [...(await podsOf(api, 'clients')), ...nodeNames];
  });

  it('gives an endpoint that is not ready nothing new, until it is ready again', async () => {
    const [place = ''] = await podsOf(cluster.api, 'shop');
    const streams = await startStreamsTo(cluster, 'shop', inside, { kept: 1 });
    const answersOf = async () => (await streams.count()).byServer.get(place) ?? 0;
    const mark = (ready: 'true' | 'false') => () =>
      cluster.api.patch({ kind: 'Pod', name: nameOf(place) }, { metadata: { annotations: { ready } } });

    const away = await converge(cluster, 'shop', mark('false'), someReady(2));
    // Those that had begun before.
    await untilMore(streams, 50);
    const before = await answersOf();
    await untilMore(streams, 300);
    expect(await answersOf()).toBe(before);

    const back = await converge(cluster, 'shop', mark('true'), allReady(3));
    await expect.poll(answersOf, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    const totals = await streams.stop();
    tellFigures('not ready', totals, away);
    tellFigures('ready again', totals, back);
    expect(totals.failed).toEqual([]);
    expect(totals.kept.filter(({ broken }) => broken !== '')).toEqual([]);
    expect(totals.kept.map(({ server }) => server)).toContain(place);
  });

  it('goes on with endpoints that are terminating while there are no others, then refuses', async () => {
    const streams = await startStreamsTo(cluster, 'last', inside);
    const long = await startStreamsTo(cluster, 'last', inside, { kept: 1, everyMilliseconds: 250 });
    const end = () => cluster.api.patch({ kind: 'Deployment', name: 'last' }, { spec: { replicas: 0 } });

    const convergence = await converge(cluster, 'last', end, allTerminating);
    const exchanges = (await long.count()).kept.map((each) => each.exchanges);
    await untilMore(streams, 100);
    const totals = await streams.stop();
    const { kept } = await long.count();
    // Else what was seen tells nothing.
    expect(allTerminating(await endpointsOf(cluster.api, 'last'))).toBe(true);
    tellFigures('all terminating', totals, convergence);
    expect(totals.failed).toEqual([]);
    expect(kept.filter((each, index) => each.exchanges <= (exchanges[index] ?? 0))).toEqual([]);
    expect(kept.filter(({ broken }) => broken !== '')).toEqual([]);

    await untilEndpoints(cluster.api, 'last', (left) => left.length === 0);
    expect((await long.stop()).kept.filter(({ broken }) => broken === '')).toEqual([]);
    await untilRefused('last');
  });

  async function untilRefused(name: string): Promise<void> {
    const { clusterIP, nodePort } = await addressesOf(cluster.api, name);
    const waits = families.flatMap((family) =>
      protocols.flatMap((protocol) => {
        const to = cluster.network.address('node-2', family);
        const port = nodePort(protocol, 80);
        return [
          untilOutcomes(cluster, inside, { to: clusterIP[family], port: 80, protocol }, ['refused']),
          untilOutcomes(cluster, [...inside, 'client'], { to, port, protocol }, ['refused']),
        ];
      }),
    );
    await Promise.all(waits);
  }
}

/** Both Pods, in both families. */
function allTerminating(all: readonly Endpoint[]): boolean {
  return all.length === 4 && all.every(({ serving, terminating }) => serving && terminating);
}

function nameOf(place: Place): string {
  return place.slice(place.indexOf('/') + 1);
}
