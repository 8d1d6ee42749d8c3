// The real kube-proxy and nodeplane on one node: as deploy/kustomize/overlays/side-by-side configures it, in the rig's networks.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { nodeplane } from '../../cli/nodeplane.ts';
import type { Json } from '../../conformance/objects.ts';
import { startAgent } from '../agent.ts';
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
const overlay = join(import.meta.dirname, '../../../deploy/kustomize/overlays/side-by-side/config.yaml');
const label = 'service.kubernetes.io/service-proxy-name';
const config = '/run/side-by-side.yaml';

describeCluster('nodeplane beside kube-proxy', sideBySide, { nodes, agents: false });

function sideBySide(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let pods: readonly string[];
  const proxies: Component[] = [];
  const plain = new Map<NodeName, RunningStreams>();
  const before = new Map<NodeName, readonly string[]>();

  beforeAll(async () => {
    cluster = theCluster();
    const { api, network, plane } = cluster;
    await writeFile(network.path(config), await readFile(overlay));
    await api.create(deployment({ name: 'web', replicas: 2 }));
    await api.create(service({ name: 'plain', app: 'web', type: 'NodePort' }));
    for (const plan of nodes) {
      const proxy = await makeKubeProxy(network, plane, plan);
      proxies.push(proxy);
      proxy.start();
    }
    await untilReady(api, 'web');
    await untilEndpoints(api, 'plain', allReady(2));
    pods = await podsOf(api, 'web');
    await untilOn('plain', pods);
    for (const node of names) {
      plain.set(node, await startNodeTraffic(cluster, { node, pod: pods[0] ?? '', service: 'plain' }));
      before.set(node, await proxyRules(cluster, node));
    }
    for (const { name, variant } of nodes) {
      const flags = ['--config', config, '--iptables-variant', variant];
      cluster.agents.set(name, await startAgent(network, plane, name, flags));
    }
    for (const agent of cluster.agents.values()) {
      await until(
        () => 'both families are synced',
        20_000,
        async () => syncsOf(agent.process).length >= 2,
      );
    }
  });

  /** From each node, in both families: this becomes of new connections to its ClusterIPs and to its node ports everywhere. */
  async function untilOn(name: string, outcomes: readonly string[]): Promise<void> {
    const addresses = await addressesOf(cluster.api, name);
    const ports = names.flatMap((node) => {
      const address = cluster.network.address(node, 'IPv4');
      return [{ to: address, port: addresses.nodePort('TCP', 80) }];
    });
    const { IPv4, IPv6 } = addresses.clusterIP;
    const targets = [IPv4, IPv6].map((to) => ({ to, port: 80 }));
    await Promise.all(
      [...targets, ...ports].map((target) => untilOutcomes(cluster, names, target, outcomes)),
    );
  }

  async function kubeProxysRules(): Promise<readonly (readonly string[])[]> {
    return Promise.all(names.map((node) => proxyRules(cluster, node)));
  }

  async function untroubled(what: string): Promise<void> {
    for (const node of names) {
      const totals = await there(plain.get(node)).count();
      console.log(`${node}: ${what}: kube-proxy's Service: ${figures(totals)}`);
      expect({ node, ...totals }).toMatchObject({ node, failed: [], broken: [] });
      expect(totals.connections).toBeGreaterThan(0);
    }
  }

  it('leaves kube-proxy and its rules alone', async () => {
    expect(await kubeProxysRules()).toEqual(names.map((node) => before.get(node)));
    await untroubled('nodeplane started');
  });

  it('serves a Service with its label, which kube-proxy does not', async () => {
    const labels = { [label]: 'nodeplane' };
    await cluster.api.create(service({ name: 'ours', app: 'web', type: 'NodePort', labels }));
    await untilOn('ours', pods);
    expect(await kubeProxysRules()).toEqual(names.map((node) => before.get(node)));
    await untroubled('a labelled Service');
  });

  it('takes a Service over when it gets the label, and gives it back when it loses it', async () => {
    await cluster.api.create(service({ name: 'moved', app: 'web', type: 'NodePort' }));
    await untilOn('moved', pods);
    const [node, pod = ''] = [names[1] ?? 'node-2', pods[0]];
    const calls = await startNodeTraffic(cluster, { node, pod, service: 'moved' });
    const path = '/api/v1/namespaces/default/services/moved';
    for (const value of ['nodeplane', null]) {
      const earlier = (await calls.count()).failed.length;
      await patch(path, { metadata: { labels: { [label]: value } } });
      await until(
        () => `kube-proxy's rules of default/moved, label ${value}`,
        20_000,
        async () => (await kubeProxysRules()).every((rules) => hasMoved(rules) === (value === null)),
      );
      await untilOn('moved', pods);
      const { connections, failed, broken } = await calls.count();
      console.log(
        `${node}: label ${value}: ${failed.length - earlier} of ${connections} failed, ${broken.length} broken`,
        failed.slice(earlier, earlier + 5),
      );
    }
    const { broken } = await calls.stop();
    expect(broken).toEqual([]);
    await untroubled('a Service that moved');
  });

  async function patch(path: string, body: Json): Promise<void> {
    const { status, body: answer } = await cluster.api.request('PATCH', path, body);
    if (status !== 200) throw new Error(`PATCH ${path}: ${status} ${answer}`);
  }

  it('is at peace with kube-proxy: nobody undoes what the other one writes', () => {
    for (const { process } of cluster.agents.values()) {
      expect(says(process, 'somebody else changed our rules')).toBe(false);
      expect(says(process, '"level":"error"')).toBe(false);
    }
    for (const proxy of proxies) expect(says(proxy, 'Failed to execute iptables-restore')).toBe(false);
  });

  it('goes without a trace: cleanup removes its chains and no other', async () => {
    await cluster.api.remove({ kind: 'Service', name: 'moved' });
    for (const [node, agent] of cluster.agents) {
      await agent.process.stop('SIGTERM');
      await agent.close();
      cluster.agents.delete(node);
      const { exitCode, stdout } = await nodeplane(cluster.network.exec(node), 'cleanup', '--config', config);
      console.log(`${node}: ${stdout.trim()}`);
      expect(exitCode).toBe(0);
      const argv = [`iptables-${nodes.find(({ name }) => name === node)?.variant}-save`] as const;
      const saved = await cluster.network.exec(node)({ argv, timeoutMilliseconds: 10_000 });
      expect(saved.stdout).not.toContain('NPLN-');
    }
    await until(
      () => 'kube-proxy has what it had',
      30_000,
      async () =>
        JSON.stringify(await kubeProxysRules()) === JSON.stringify(names.map((node) => before.get(node))),
    );
    await untroubled('nodeplane gone');
    for (const each of plain.values()) await each.stop();
    for (const proxy of proxies) await proxy.stop('SIGKILL');
  });
}

function hasMoved(rules: readonly string[]): boolean {
  return rules.some((rule) => rule.includes('default/moved'));
}
