// What is seen of the agents that the API server's objects have started.
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { untilOutcomes } from '../scenarios/outcomes.ts';
import { addressesOf } from '../scenarios/read.ts';
import { until } from '../until.ts';
import type { Tools } from './tools.ts';

export interface ShippedAgent {
  readonly node: NodeName;
  readonly place: Place;
  readonly uid: string;
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly spec: { readonly nodeName: NodeName };
  }[];
}

/** Pods of nodeplane in all namespaces, by node. */
export async function agentsOf(tools: Tools): Promise<readonly ShippedAgent[]> {
  const selector = '--selector=app.kubernetes.io/name=nodeplane';
  const { items }: Pods = JSON.parse(
    await tools.kubectl(['get', 'pods', '--all-namespaces', selector, '--output=json']),
  );
  return items
    .map(({ metadata: { namespace, name, uid }, spec }) => ({
      node: spec.nodeName,
      place: `${namespace}/${name}`,
      uid,
    }))
    .sort((one, other) => (one.node < other.node ? -1 : 1));
}

export async function untilNoAgents(tools: Tools): Promise<void> {
  await until(
    () => 'the Pods of nodeplane are gone',
    60_000,
    async () => (await agentsOf(tools)).length === 0,
  );
}

/** A Service with node ports, from nodes by its ClusterIPs and from outside by a node. */
export async function untilServed(
  cluster: Cluster,
  name: string,
  endpoints: readonly Place[],
): Promise<void> {
  const { clusterIP, nodePort } = await addressesOf(cluster.api, name);
  const outside = { to: cluster.network.address('node-2', 'IPv4'), port: nodePort('TCP', 80) };
  await Promise.all([
    untilOutcomes(cluster, nodeNames, { to: clusterIP.IPv4, port: 80 }, endpoints),
    untilOutcomes(cluster, nodeNames, { to: clusterIP.IPv6, port: 80 }, endpoints),
    untilOutcomes(cluster, ['client'], outside, endpoints),
  ]);
}

/** kubelet's chain, by which others know the variant that a node uses. */
export async function preferLegacy(cluster: Cluster, node: NodeName): Promise<void> {
  for (const program of ['iptables-legacy', 'ip6tables-legacy'])
    await output(cluster, node, program, '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT');
}

/** Where the rules of Services are. */
export async function variantOf(cluster: Cluster, node: NodeName): Promise<string> {
  const found: string[] = [];
  for (const variant of ['legacy', 'nft']) {
    const rules = await output(cluster, node, `iptables-${variant}-save`, '-t', 'nat');
    if (rules.includes('KUBE-')) found.push(variant);
  }
  return found.join();
}

/** Effective ones of each nodeplane in the node's network, as /proc tells them. */
export async function capabilitiesOf(cluster: Cluster, node: NodeName): Promise<readonly string[]> {
  const script = `
    for each in /proc/[0-9]*; do
      [ "$(readlink $each/ns/net)" = "$(readlink /proc/self/ns/net)" ] || continue
      tr '\\0' ' ' <$each/cmdline | grep -q '/opt/nodeplane/nodeplane.mj[s] run' || continue
      sed -n 's/^CapEff:\\t//p' $each/status
    done`;
  return (await output(cluster, node, 'sh', '-c', script)).split('\n').filter((line) => line !== '');
}

/** What a node's metrics address says to somebody at a place. @throws Error with the reason, or the status when it is not 200. */
export function metricsOf(cluster: Cluster, from: Place, of: NodeName, path = '/metrics'): Promise<string> {
  const address = from === of ? '127.0.0.1' : cluster.network.address(of, 'IPv4');
  const script = `
    const answer = await fetch('http://${address}:10249${path}');
    if (answer.status !== 200) throw new Error(answer.status);
    process.stdout.write(await answer.text());`;
  return output(cluster, from, process.execPath, '--input-type=module', '--eval', script);
}

export async function output(
  { network }: Cluster,
  node: Place,
  ...argv: readonly [string, ...string[]]
): Promise<string> {
  const { exitCode, stdout, stderr } = await network.exec(node)({ argv, timeoutMilliseconds: 30_000 });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} on ${node}: ${exitCode} ${stderr}`);
  return stdout;
}
