// docs/install.md, played: its commands as they stand, on a cluster with kubeadm's kube-proxy, under traffic.
import { beforeAll, expect, it } from 'vitest';
import type { Cluster } from '../cluster.ts';
import { rootAuthority } from '../deploy/cluster-objects.ts';
import { PodRunner } from '../deploy/pod-runner.ts';
import { allNodes, type NodeName } from '../nodes.ts';
import { describeCluster } from '../scenarios/describe-cluster.ts';
import { deployment, service } from '../scenarios/objects.ts';
import { untilOutcomes } from '../scenarios/outcomes.ts';
import { addressesOf, podsOf } from '../scenarios/read.ts';
import type { RunningStreams } from '../scenarios/streams.ts';
import { allReady, untilEndpoints, untilReady } from '../scenarios/waits.ts';
import { kubeProxyAddon, kubeProxyImage } from './kubeadm.ts';
import { makePlayer, type Player } from './play.ts';
import { there } from './there.ts';
import { startNodeTraffic } from './traffic.ts';

const nodes = allNodes.filter(({ name }) => name !== 'node-3');
const names = nodes.map(({ name }) => name);
let started: Cluster | undefined;
const runner = new PodRunner(() => there(started).api);
const images = { nodeplane: runner.image, 'kube-proxy': kubeProxyImage(() => there(started).plane) };

describeCluster('docs/install.md, a kubeadm cluster', kubeadmCluster, { nodes, agents: false, images });

function kubeadmCluster(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let player: Player;
  const traffic = new Map<NodeName, RunningStreams>();
  const last = new Map<NodeName, number>();

  beforeAll(async () => {
    cluster = theCluster();
    started = cluster;
    player = await makePlayer(cluster);
    const { api, plane } = cluster;
    await api.create(deployment({ name: 'web', replicas: 2 }));
    await api.create(service({ name: 'web', type: 'NodePort' }));
    await api.create(await rootAuthority(cluster));
    for (const object of await kubeProxyAddon(plane)) await api.create(object);
    await untilReady(api, 'web');
    await untilEndpoints(api, 'web', allReady(2));
    await untilServed();
    const [pod = ''] = await podsOf(api, 'web');
    for (const node of names)
      traffic.set(node, await startNodeTraffic(cluster, { node, pod, service: 'web' }));
  });

  /** From each node, in both families, by both servers. */
  async function untilServed(): Promise<void> {
    const { IPv4, IPv6 } = (await addressesOf(cluster.api, 'web')).clusterIP;
    const pods = await podsOf(cluster.api, 'web');
    await Promise.all([IPv4, IPv6].map((to) => untilOutcomes(cluster, names, { to, port: 80 }, pods)));
  }

  async function untroubled(step: string): Promise<void> {
    for (const node of names) {
      const { connections, failed, broken } = await there(traffic.get(node)).count();
      const since = connections - (last.get(node) ?? 0);
      last.set(node, connections);
      console.log(`${node}, ${step}: ${since} connections, ${failed.length} failed, ${broken.length} broken`);
      expect({ node, failed, broken }).toEqual({ node, failed: [], broken: [] });
      expect(since).toBeGreaterThan(0);
    }
  }

  /** Nodes on which the DaemonSet has a pod. */
  async function nodesOf(label: string): Promise<readonly string[]> {
    const [key = '', value] = label.split('=');
    const pods = await cluster.api.list('Pod', 'kube-system');
    const found = pods.filter(
      ({ metadata }) => metadata.labels?.[key] === value && !metadata.deletionTimestamp,
    );
    return Promise.all(found.map(async ({ metadata }) => nodeAt(`kube-system/${metadata.name}`))).then(
      (all) => all.toSorted(),
    );
  }

  function nodeAt(place: string): string {
    const at = cluster.network.address(place, 'IPv4');
    return names.find((node) => cluster.network.address(node, 'IPv4') === at) ?? place;
  }

  const nodeplane = 'app.kubernetes.io/name=nodeplane';
  const kubeProxy = 'k8s-app=kube-proxy';

  it('step 2: all nodes are kube-proxy’s, and nodeplane stands ready', async () => {
    await player.play('prepare');
    expect(await nodesOf(nodeplane)).toEqual([]);
    expect(await nodesOf(kubeProxy)).toEqual(names);
    await untroubled('prepared');
  });

  it.each(names)('step 3: %s moves', async (node) => {
    await player.play('move', { NODE: node });
    expect(await nodesOf(nodeplane)).toContain(node);
    expect(await nodesOf(kubeProxy)).not.toContain(node);
    const pods = await cluster.api.list('Pod', 'kube-system');
    const places = pods
      .map(({ metadata }) => `kube-system/${metadata.name}`)
      .filter((each) => /nodeplane/.test(each));
    const place = there(places.find((each) => nodeAt(each) === node));
    const config = '--config=/var/lib/kube-proxy/config.conf';
    const argv = await runner.command(place, cluster.network, 'diff', config);
    const { stdout, stderr } = await cluster.network.exec(node)({ argv, timeoutMilliseconds: 30_000 });
    expect(`${stdout}${stderr}`).toContain('nothing to change');
    await untroubled(`${node} moved`);
  });

  it('a node goes back', async () => {
    const [node = 'node-1'] = names;
    await player.play('return', { NODE: node });
    expect(await nodesOf(kubeProxy)).toEqual([node]);
    await cluster.api.create(service({ name: 'later', app: 'web' }));
    const { IPv4 } = (await addressesOf(cluster.api, 'later')).clusterIP;
    await untilOutcomes(cluster, [node], { to: IPv4, port: 80 }, await podsOf(cluster.api, 'web'));
    await untroubled(`${node} back`);
    await player.play('move', { NODE: node });
    await untroubled(`${node} moved again`);
  });

  it('step 4: kube-proxy’s DaemonSet goes', async () => {
    await player.play('finish');
    expect(await nodesOf(nodeplane)).toEqual(names);
    await untilServed();
    await untroubled('finished');
    for (const each of traffic.values()) await each.stop();
  });
}
