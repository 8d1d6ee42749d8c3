import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';

/** The nodes of the real cluster; they differ in how their agents write rules, so that one run of a scenario tries every way. */
export const nodeNames = ['node-1', 'node-2', 'node-3'] as const;
export type NodeName = (typeof nodeNames)[number];

export interface NodePlan {
  readonly name: NodeName;
  /** Its label `topology.kubernetes.io/zone`. */
  readonly zone: 'zone-a' | 'zone-b';
  readonly variant: IptablesVariant;
}

export const allNodes: readonly NodePlan[] = [
  { name: 'node-1', zone: 'zone-a', variant: 'legacy' },
  { name: 'node-2', zone: 'zone-a', variant: 'nft' },
  { name: 'node-3', zone: 'zone-b', variant: 'nft' },
];
