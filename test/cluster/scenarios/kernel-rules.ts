import type { Family } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import { allNodes, type NodeName } from '../nodes.ts';

const programs: Readonly<Record<Family, string>> = { IPv4: 'iptables', IPv6: 'ip6tables' };

/** All rules of the variant that the node's agent writes. */
export async function savedRules(
  { network }: Pick<Cluster, 'network'>,
  node: NodeName,
  family: Family,
): Promise<string> {
  const variant = allNodes.find(({ name }) => name === node)?.variant;
  const argv = [`${programs[family]}-${variant}-save`] as const;
  const { stdout, stderr, exitCode } = await network.exec(node)({ argv, timeoutMilliseconds: 30_000 });
  if (exitCode !== 0) throw new Error(`${argv[0]} on ${node}: ${stderr}`);
  return stdout;
}

/** Addresses of the endpoints that new connections to a Service's port (`default/web:tcp-80`) may get on a node, sorted. */
export async function endpointsInKernel(
  cluster: Pick<Cluster, 'network'>,
  node: NodeName,
  family: Family,
  port: string,
): Promise<readonly string[]> {
  const saved = await savedRules(cluster, node, family);
  const found = [...saved.matchAll(/^-A KUBE-SVC-\S+ .*--comment "([^"]+) -> ([^"]+):\d+"/gm)]
    .filter(([, name]) => name === port)
    .map(([, , address = '']) => address.replace(/^\[(.*)\]$/, '$1'));
  return [...new Set(found)].sort();
}
