import { expect, it } from 'vitest';
import { families } from '../../../src/model/address.ts';
import { ApiRefusal } from '../api.ts';
import type { Cluster } from '../cluster.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import type { Bed } from './bed.ts';
import { deployment, protocols, service } from './objects.ts';
import { untilOutcomes } from './outcomes.ts';
import { addressesOf, podsOf } from './read.ts';
import { untilReady } from './waits.ts';

const networks = ['172.31.0.0/24', 'fd00:172:31::/120'] as const;
const addresses = { IPv4: '172.31.0.77', IPv6: 'fd00:172:31::77' } as const;
const patienceMilliseconds = 60_000;

export function serviceNetwork(theBed: () => Bed): void {
  it('a Service with an address of a ServiceCIDR that was added is reached from everywhere', async () => {
    const { cluster, inside } = theBed();
    const { api } = cluster;
    await api.create(deployment({ name: 'wide', replicas: 2 }));
    const asked = performance.now();
    await api.create({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'more' },
      spec: { cidrs: networks },
    });
    await Promise.all(nodeNames.map((node) => untilHeard(cluster, node)));
    const heard = Math.round(performance.now() - asked);
    await createWithin(cluster);
    const created = performance.now();
    await untilReady(api, 'wide');
    const pods = await podsOf(api, 'wide');
    const { clusterIP } = await addressesOf(api, 'wide');
    expect(clusterIP).toEqual(addresses);
    const checks = families.flatMap((family) =>
      protocols.map((protocol) =>
        untilOutcomes(cluster, inside, { to: clusterIP[family], port: 80, protocol }, pods),
      ),
    );
    await Promise.all(checks);
    const served = Math.round(performance.now() - created);
    console.log(
      `ServiceCIDR added: heard by all agents within ${heard} ms; a Service out of it served ${served} ms after it was created`,
    );
  });
}

/** Until the node's agent says that it knows the networks. */
async function untilHeard(cluster: Cluster, node: NodeName): Promise<void> {
  let last = '';
  const what = () => `${node} has heard of ${networks.join()}: ${last}`;
  await until(what, patienceMilliseconds, async () => {
    const argv = ['curl', '--silent', '--show-error', 'http://127.0.0.1:10249/debug/snapshot'] as const;
    const { stdout, stderr } = await cluster.network.exec(node)({ argv, timeoutMilliseconds: 10_000 });
    if (!stdout.startsWith('{')) {
      last = `${stdout}${stderr}`;
      return false;
    }
    const { serviceCIDRs }: { serviceCIDRs?: Readonly<Record<string, unknown>> } = JSON.parse(stdout);
    last = JSON.stringify(serviceCIDRs);
    return JSON.stringify(serviceCIDRs?.['more']) === JSON.stringify(networks);
  });
}

/** The API server gives addresses of a network only once the controller has said that it is ready. */
async function createWithin({ api }: Cluster): Promise<void> {
  const wide = service({
    name: 'wide',
    spec: { clusterIP: addresses.IPv4, clusterIPs: Object.values(addresses) },
  });
  let refusal = '';
  await until(
    () => `a Service with ${Object.values(addresses).join()}: ${refusal}`,
    patienceMilliseconds,
    async () => {
      refusal = await api.create(wide).then(
        () => '',
        (error: unknown) => {
          if (error instanceof ApiRefusal) return error.message;
          throw error;
        },
      );
      return refusal === '';
    },
  );
}
