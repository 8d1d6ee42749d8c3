import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { describeCluster } from '../scenarios/describe-cluster.ts';
import { deployment, service } from '../scenarios/objects.ts';
import { addressesOf, podsOf } from '../scenarios/read.ts';
import { untilReady } from '../scenarios/waits.ts';
import { until } from '../until.ts';
import { deployDirectory } from './alert-rules.ts';
import { kubeadmConfigMap, rootAuthority } from './cluster-objects.ts';
import { PodRunner } from './pod-runner.ts';
import {
  agentsOf,
  capabilitiesOf,
  metricsOf,
  output,
  preferLegacy,
  untilNoAgents,
  untilServed,
  variantOf,
} from './shipped-agents.ts';
import { makeTools, type Tools } from './tools.ts';

const chart = join(deployDirectory, 'charts/nodeplane');
const kustomization = (name: string): string => join(deployDirectory, 'kustomize', name);
const inSystem = ['--namespace', 'kube-system'] as const;
const rolledOut = ['rollout', 'status', 'daemonset/nodeplane', '--timeout=120s', ...inSystem] as const;

let theCluster = (): Cluster => {
  throw new Error('there is no cluster yet');
};
const runner = new PodRunner(() => theCluster().api);

describeCluster('what is shipped, run as it is shipped', shipped, {
  agents: false,
  images: { nodeplane: runner.image },
});

function shipped(started: () => Cluster): void {
  let cluster: Cluster;
  let tools: Tools;
  let endpoints: readonly Place[];

  beforeAll(async () => {
    theCluster = started;
    cluster = started();
    tools = await makeTools(cluster.network, cluster.plane);
    await create(await rootAuthority(cluster));
    await preferLegacy(cluster, 'node-1');
    await cluster.api.create(deployment({ name: 'web', replicas: 3 }));
    await cluster.api.create(service({ name: 'web', type: 'NodePort' }));
    await untilReady(cluster.api, 'web');
    endpoints = await podsOf(cluster.api, 'web');
  });

  function create(object: unknown): Promise<string> {
    return tools.kubectl(['apply', '--server-side', '--filename', '-'], JSON.stringify(object));
  }

  /** Without the patience between nodes, which tests have no time for; and with a line in place of another. */
  async function applyKustomization(
    name: string,
    change?: readonly [from: string, to: string],
  ): Promise<void> {
    const manifests = await tools.kubectl(['kustomize', kustomization(name)]);
    const changes = [
      ['minReadySeconds: 10', 'minReadySeconds: 1'],
      ...(change === undefined ? [] : [change]),
    ] as const;
    const changed = changes.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, manifests);
    await tools.kubectl(['apply', '--server-side', '--filename', '-'], changed);
  }

  function install(verb: 'install' | 'upgrade', name: string, ...args: readonly string[]): Promise<string> {
    return tools.helm([verb, name, chart, ...inSystem, ...args]);
  }

  it('kustomize/base: gets ready on every node, and programs', async () => {
    const address = new URL(cluster.plane.server());
    const literals = [`--from-literal=host=${address.hostname}`, `--from-literal=port=${address.port}`];
    await tools.kubectl(['create', 'configmap', 'nodeplane-api-server', ...inSystem, ...literals]);
    // As kind has it: nf_conntrack_max can be set in the first network namespace only.
    await applyKustomization('base', ['mode: iptables', 'conntrack: { maxPerCore: 0 }']);
    await tools.kubectl(rolledOut);
    expect((await agentsOf(tools)).map(({ node }) => node)).toEqual(nodeNames);
    await untilServed(cluster, 'web', endpoints);
  });

  it('sets sysctls in its init container', () => {
    expect(runner.initialized.size).toBe(nodeNames.length);
    for (const printed of runner.initialized.values()) {
      expect(printed).toContain('net/netfilter/nf_conntrack_tcp_timeout_established = 86400\n');
      expect(printed).toContain('route_localnet = 1');
    }
  });

  it('chooses the iptables of each node', async () => {
    expect(await Promise.all(nodeNames.map((node) => variantOf(cluster, node)))).toEqual([
      'legacy',
      'nft',
      'nft',
    ]);
  });

  it('has two capabilities and no more', async () => {
    // CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13.
    for (const node of nodeNames) expect(await capabilitiesOf(cluster, node)).toEqual(['0000000000003000']);
  });

  it('shows its metrics on its own node only', async () => {
    expect(await metricsOf(cluster, 'node-1', 'node-1')).toContain('nodeplane_build_info{');
    await expect(metricsOf(cluster, 'node-2', 'node-1')).rejects.toThrow('ECONNREFUSED');
  });

  it('may do what it does, and nothing else', async () => {
    const account = '--as=system:serviceaccount:kube-system:nodeplane';
    const may = async (verb: string, what: string): Promise<string> =>
      (await tools.run('kubectl', ['auth', 'can-i', account, '--all-namespaces', verb, what])).stdout.trim();
    expect(await may('watch', 'endpointslices.discovery.k8s.io')).toBe('yes');
    expect(await may('create', 'events.events.k8s.io')).toBe('yes');
    for (const other of ['secrets', 'configmaps', 'pods', 'endpoints'])
      expect(await may('list', other)).toBe('no');
    for (const other of ['services', 'nodes']) expect(await may('patch', other)).toBe('no');
  });

  it('answers what administrators ask in its container', async () => {
    const [{ place } = { place: '' }] = await agentsOf(tools);
    const asked = ['diff', '--config=/etc/nodeplane/config.yaml'];
    const argv = await runner.command(place, cluster.network, ...asked);
    const diff = await cluster.network.exec('node-1')({ argv, timeoutMilliseconds: 60_000 });
    expect(diff, diff.stderr).toMatchObject({ exitCode: 0, stdout: 'nothing to change\n' });
  });

  it('follows its ConfigMap without a restart', async () => {
    const before = await agentsOf(tools);
    const shown = await tools.kubectl(['get', 'configmap', 'nodeplane', ...inSystem, '--output=json']);
    const { data }: { data: Readonly<Record<string, string>> } = JSON.parse(shown);
    const text = `iptables: { masqueradeAll: true }\n${data['config.yaml']}`;
    const patch = JSON.stringify({ data: { 'config.yaml': text } });
    await tools.kubectl(['patch', 'configmap', 'nodeplane', ...inSystem, '--patch', patch]);
    const { clusterIP } = await addressesOf(cluster.api, 'web');
    const masquerade = new RegExp(`-d ${clusterIP.IPv4}/32 .*-j KUBE-MARK-MASQ`);
    const all = async (): Promise<boolean> =>
      masquerade.test(await output(cluster, 'node-1', 'iptables-legacy-save'));
    expect(await all()).toBe(false);
    for (const { place } of before) await runner.update(place, cluster.network);
    await until(() => 'all is masqueraded on node-1', 60_000, all);
    expect(await agentsOf(tools)).toEqual(before);
  });

  it('leaves the rules when it is deleted', async () => {
    await tools.kubectl(['delete', '--kustomize', kustomization('base')]);
    await untilNoAgents(tools);
    await untilServed(cluster, 'web', endpoints);
  });

  it('helm install: gets ready over the rules that are there', async () => {
    const { hostname: host, port } = new URL(cluster.plane.server());
    const address = `apiServer.from=address,apiServer.host=${host},apiServer.port=${port}`;
    const fields =
      'config.kubeProxy.conntrack.maxPerCore=0,config.kubeProxy.metricsBindAddress=0.0.0.0:10249';
    await install('install', 'nodeplane', '--set', `${address},minReadySeconds=1,${fields}`);
    await tools.kubectl(rolledOut);
    expect((await agentsOf(tools)).map(({ node }) => node)).toEqual(nodeNames);
    await cluster.api.create(service({ name: 'since-helm', app: 'web', type: 'NodePort' }));
    await untilServed(cluster, 'since-helm', endpoints);
  });

  it('shows its metrics to Pods once they have another address, and its debugging pages to none', async () => {
    const [pod = ''] = endpoints;
    const shown = (): Promise<string> => metricsOf(cluster, pod, 'node-1').catch(String);
    await expect.poll(shown, { timeout: 20_000 }).toContain('nodeplane_build_info{');
    await expect(metricsOf(cluster, pod, 'node-1', '/debug/snapshot')).rejects.toThrow('403');
  });

  it('helm upgrade: a configuration changes no Pod, all else one node after the other, and no connection fails', async () => {
    const before = await agentsOf(tools);
    const { clusterIP } = await addressesOf(cluster.api, 'web');
    const traffic = { to: clusterIP.IPv4, port: 80, everyMilliseconds: 50, kept: 2 };
    const streams = await Promise.all(nodeNames.map((node) => cluster.network.startTraffic(node, traffic)));
    await install(
      'upgrade',
      'nodeplane',
      '--reuse-values',
      '--set',
      'config.kubeProxy.iptables.syncPeriod=45s',
    );
    expect(await agentsOf(tools)).toEqual(before);
    await install('upgrade', 'nodeplane', '--reuse-values', '--set', 'podAnnotations.round=second');
    await tools.kubectl(rolledOut);
    const after = await agentsOf(tools);
    expect(after.filter(({ uid }) => before.some((each) => each.uid === uid))).toEqual([]);
    expect(after).toHaveLength(nodeNames.length);
    for (const stream of streams) {
      const { failed, kept, answered } = await stream.stop();
      expect({ failed, broken: kept.filter(({ broken }) => broken !== '') }).toEqual({
        failed: [],
        broken: [],
      });
      expect(Object.keys(answered).sort()).toEqual([...endpoints].sort());
    }
  });

  it('helm install: a second one beside it serves what has its label, by the ClusterIP of the API server', async () => {
    await cluster.api.create(deployment({ name: 'own', replicas: 2 }));
    const labels = { 'service.kubernetes.io/service-proxy-name': 'nodeplane' };
    await cluster.api.create(service({ name: 'own', type: 'NodePort', labels }));
    await untilReady(cluster.api, 'own');
    await install(
      'install',
      'beside',
      '--values',
      join(chart, 'ci/side-by-side-values.yaml'),
      '--set',
      'minReadySeconds=1',
    );
    await tools.kubectl(['rollout', 'status', 'daemonset/beside-nodeplane', '--timeout=120s', ...inSystem]);
    await untilServed(cluster, 'own', await podsOf(cluster.api, 'own'));
    await untilServed(cluster, 'web', endpoints);
  });

  it('helm uninstall: takes every object away and leaves the rules', async () => {
    await Promise.all(['beside', 'nodeplane'].map((name) => tools.helm(['uninstall', name, ...inSystem])));
    await untilNoAgents(tools);
    const kinds = 'daemonsets,serviceaccounts,configmaps,clusterroles,clusterrolebindings';
    const left = await tools.kubectl([
      'get',
      kinds,
      ...inSystem,
      '--output=name',
      '--selector=app.kubernetes.io/name=nodeplane',
    ]);
    expect(left).toBe('');
    await untilServed(cluster, 'web', endpoints);
  });

  it('kustomize/overlays/kubeadm: is configured by what configured kube-proxy', async () => {
    await create(kubeadmConfigMap(cluster));
    await applyKustomization('overlays/kubeadm');
    await tools.kubectl(rolledOut);
    await cluster.api.create(service({ name: 'since-kubeadm', app: 'web', type: 'NodePort' }));
    await untilServed(cluster, 'since-kubeadm', endpoints);
  });
}
