import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { NodeName } from '../nodes.ts';
import { savedRules } from '../scenarios/kernel-rules.ts';

/** Chains and rules of service proxies on a node, both families, without counters, sorted: equal when the kernel does the same. */
export async function proxyRules(cluster: Cluster, node: NodeName): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const family of families) {
    const saved = await savedRules(cluster, node, family);
    const ours = saved.split('\n').filter((line) => /^(:|-A ).*KUBE-/.test(line));
    lines.push(...ours.map((line) => `${family} ${line.replace(/ \[\d+:\d+\]$/, '')}`));
  }
  return lines.toSorted();
}
