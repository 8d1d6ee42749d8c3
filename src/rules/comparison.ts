import type { Family } from '../model/address.ts';
import type { Protocol } from '../model/service.ts';

/** What a Service port offers, as `diff` tells it. */
export interface ServiceSummary {
  /** Endpoints that may get its connections on this node. */
  readonly endpoints: number;
  /** Seconds of ClientIP affinity; undefined: none. */
  readonly affinitySeconds: number | undefined;
}

/** Rule lines that a change brings and takes away, as iptables-save would print them. */
export interface RuleChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** One Service port of one family whose rules are to change. */
export interface ServiceChange {
  /** ServicePortName `ns/svc:port`; `(node)` for what belongs to no Service. */
  readonly service: string;
  readonly family: Family;
  /** Undefined for `(node)`. */
  readonly protocol: Protocol | undefined;
  readonly action: 'add' | 'change' | 'remove';
  /** Where clients send, main address first: `172.30.0.41:80/tcp`, `[fd00::1]:80/tcp`, `nodePort 30080/tcp`. */
  readonly addresses: readonly string[];
  /** Undefined for `add`, and for `(node)`. */
  readonly before: ServiceSummary | undefined;
  /** Undefined for `remove`, and for `(node)`. */
  readonly after: ServiceSummary | undefined;
  /** What changes besides the number of endpoints, in words: `affinity on (10800 s)`, `source ranges changed`. */
  readonly details: readonly string[];
  readonly rules: RuleChanges;
}

/** One of our chains that somebody else changed. `added` stands in the kernel and is not ours, `removed` is ours and is gone. */
export interface ChainDrift {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  /** ServicePortName, when the chain serves one. */
  readonly service: string | undefined;
  /** The whole chain is gone. */
  readonly missing: boolean;
  readonly rules: RuleChanges;
}

/** Wanted rules beside the kernel's. Both lists are empty exactly when a plan would have no steps. */
export interface Comparison {
  /** By Service name, then family. */
  readonly changes: readonly ServiceChange[];
  /** By table, then chain, then family. */
  readonly drift: readonly ChainDrift[];
}
