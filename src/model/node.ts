import { type Family, familyOf } from './address.ts';

/** The Node this agent runs on, reduced to what decides packets and health. */
export interface Node {
  readonly name: string;
  /** Label `topology.kubernetes.io/zone`; undefined when absent or empty. */
  readonly zone: string | undefined;
  /** Canonical node IPs: InternalIP entries first, then ExternalIP. */
  readonly addresses: readonly string[];
  /** Canonical `spec.podCIDRs`. */
  readonly podCIDRs: readonly string[];
  /** `metadata.deletionTimestamp` is set. */
  readonly deleting: boolean;
  readonly taintKeys: readonly string[];
}

/** The node's main address of the family: what `primary` and the source-range self-exception mean. */
export function nodeAddress(node: Node | undefined, family: Family): string | undefined {
  return node?.addresses.find((address) => familyOf(address) === family);
}
