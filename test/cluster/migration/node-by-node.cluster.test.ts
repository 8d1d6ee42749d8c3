// A node moves from the real kube-proxy to nodeplane and back, under traffic: docs/install.md tells the figures.
import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { nodeplane } from '../../cli/nodeplane.ts';
import { agentFlags, startAgent } from '../agent.ts';
import type { Cluster } from '../cluster.ts';
import type { Component } from '../component.ts';
import { makeKubeProxy } from '../kube-proxy.ts';
import { allNodes, type NodeName } from '../nodes.ts';
import { describeCluster } from '../scenarios/describe-cluster.ts';
import { deployment, service } from '../scenarios/objects.ts';
import { untilOutcomes } from '../scenarios/outcomes.ts';
import { addressesOf, podsOf } from '../scenarios/read.ts';
import { figures, type RunningStreams } from '../scenarios/streams.ts';
import { allReady, untilEndpoints, untilReady } from '../scenarios/waits.ts';
import { until } from '../until.ts';
import { says, syncsOf } from './log.ts';
import { proxyRules } from './rules.ts';
import { there } from './there.ts';
import { startNodeTraffic } from './traffic.ts';

const nodes = allNodes.filter(({ name }) => name !== 'node-3');
const names = nodes.map(({ name }) => name);

/** More Services than stand in one chain: nodeplane keeps them in a tree, kube-proxy in a list. */
const others = Array.from({ length: 24 }, (_, index) => `other-${index}`);

/** As the DaemonSet of the overlay for kubeadm says with a flag. */
const waiting = 'apiVersion: nodeplane.dev/v1alpha1\nkind: NodeplaneConfiguration\nkubeProxy: wait\n';

describeCluster('a node moves from kube-proxy to nodeplane and back', migration, { nodes, agents: false });

function migration(theCluster: () => Cluster): void {
  let cluster: Cluster;
  const proxies = new Map<NodeName, Component>();
  const traffic = new Map<NodeName, RunningStreams>();
  const before = new Map<NodeName, readonly string[]>();

  const proxyOf = (node: NodeName): Component => there(proxies.get(node));
  const onEachNode = (does: (node: NodeName) => Promise<void>) => Promise.all(names.map(does));

  beforeAll(async () => {
    cluster = theCluster();
    const { api, network, plane } = cluster;
    await writeFile(network.path('/run/wait.yaml'), waiting);
    await api.create(deployment({ name: 'web', replicas: 3, ports: [8080] }));
    await api.create(service({ name: 'web', type: 'NodePort' }));
    for (const name of others) await api.create(service({ name, app: 'web' }));
    for (const plan of nodes) {
      const proxy = await makeKubeProxy(network, plane, plan);
      proxies.set(plan.name, proxy);
      proxy.start();
    }
    await untilReady(api, 'web');
    await untilEndpoints(api, 'web', allReady(3));
    await untilServed('web', await podsOf(api, 'web'));
    await untilServed(others[23] ?? '', await podsOf(api, 'web'));
    const [pod = ''] = await podsOf(api, 'web');
    for (const node of names) {
      traffic.set(node, await startNodeTraffic(cluster, { node, pod, service: 'web' }));
      before.set(node, await proxyRules(cluster, node));
    }
  });

  /** From each node, in both families: by these, and by all of them. */
  async function untilServed(name: string, by: readonly string[]): Promise<void> {
    const { clusterIP } = await addressesOf(cluster.api, name);
    const targets = [clusterIP.IPv4, clusterIP.IPv6].map((to) => ({ to, port: 80 }));
    await Promise.all(targets.map((target) => untilOutcomes(cluster, names, target, by)));
  }

  /** Nothing failed so far. */
  async function untroubled(what: string): Promise<void> {
    for (const node of names) {
      const totals = await there(traffic.get(node)).count();
      console.log(`${node}: ${what}: ${figures(totals)}`);
      expect({ node, ...totals }).toMatchObject({ node, failed: [], broken: [] });
      expect(totals.connections).toBeGreaterThan(0);
    }
  }

  it('nodeplane sees kube-proxy at work, names it, and changes nothing', async () => {
    await onEachNode(async (node) => {
      const kubeconfig = await cluster.plane.agentKubeconfig(node);
      const args = ['run', '--kubeconfig', kubeconfig, ...agentFlags(node)];
      const { exitCode, stderr } = await nodeplane(cluster.network.exec(node), ...args);
      expect(stderr).toContain('NP-CHECK-002');
      expect(exitCode).toBe(1);
      expect(await proxyRules(cluster, node)).toEqual(before.get(node));
    });
    await untroubled('beside kube-proxy');
  });

  it('nodeplane waits for the end of kube-proxy, and takes its rules over', async () => {
    await onEachNode(async (node) => {
      const variant = nodes.find(({ name }) => name === node)?.variant ?? 'nft';
      const flags = ['--config', '/run/wait.yaml', '--iptables-variant', variant];
      const agent = await startAgent(cluster.network, cluster.plane, node, flags);
      cluster.agents.set(node, agent);
      await until(
        () => 'nodeplane waits',
        20_000,
        async () => says(agent.process, 'waits until another proxy is gone'),
      );
      expect(await proxyRules(cluster, node)).toEqual(before.get(node));
      await proxyOf(node).stop('SIGTERM');
      const ended = performance.now();
      await until(
        () => 'both families are synced',
        30_000,
        async () => syncsOf(agent.process).length >= 2,
      );
      const took = performance.now() - ended;
      console.log(
        `${node}: from the end of kube-proxy to the first syncs ${took.toFixed(0)} ms`,
        syncsOf(agent.process),
      );
      const { exitCode, stdout } = await agent.diff();
      expect(stdout).toContain('nothing to change');
      expect(exitCode).toBe(0);
    });
    await untroubled('taken over');
  });

  it('nodeplane follows what changes', async () => {
    await cluster.api.apply(deployment({ name: 'web', replicas: 4, ports: [8080] }));
    await untilEndpoints(cluster.api, 'web', allReady(4));
    await untilServed('web', await podsOf(cluster.api, 'web'));
    await untroubled('four servers');
  });

  it('kube-proxy takes over again, and finds nothing that it does not clean up', async () => {
    await onEachNode(async (node) => {
      await cluster.agents.get(node)?.process.stop('SIGTERM');
      await cluster.agents.get(node)?.close();
      cluster.agents.delete(node);
      proxyOf(node).start();
    });
    await cluster.api.create(service({ name: 'new', app: 'web' }));
    await untilServed('new', await podsOf(cluster.api, 'web'));
    await cluster.api.remove({ kind: 'Service', name: 'new' });
    await until(
      () => 'kube-proxy has cleaned up',
      60_000,
      async () => {
        const rules = await Promise.all(names.map((node) => proxyRules(cluster, node)));
        return rules.every((lines, index) => !differs(lines, before.get(names[index] ?? 'node-1') ?? []));
      },
    );
    await untroubled('back at kube-proxy');
    for (const node of names) await there(traffic.get(node)).stop();
    for (const proxy of proxies.values()) await proxy.stop('SIGKILL');
  });
}

/** Other chains than before, those of endpoints left out: there is one more of them. */
function differs(now: readonly string[], before: readonly string[]): boolean {
  const chains = (lines: readonly string[]) =>
    lines.filter((line) => / :KUBE-(?!SEP-)/.test(line)).join('\n');
  return chains(now) !== chains(before);
}
