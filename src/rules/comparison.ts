import type { Family } from '../model/address.ts';
import type { Protocol } from '../model/service.ts';

/** What a diff tells: the wanted rules of this node beside the live kernel's, as a value. */
export interface Comparison {
  /** What `apply` would do because the cluster or the configuration wants it. */
  readonly changes: readonly ServiceChange[];
  /** What somebody else did to our chains; `apply` would undo it. */
  readonly drift: readonly ChainDrift[];
}

/** One Service port of one family. */
export interface ServiceChange {
  /** ServicePortName `ns/svc:port`; the word `node` for rules that serve no single Service. */
  readonly service: string;
  readonly family: Family;
  /** Undefined only for `node`. */
  readonly protocol: Protocol | undefined;
  /** What a packet is sent to, the most important first: `172.30.0.41:80/tcp`. Empty only for `node`. */
  readonly addresses: readonly string[];
  readonly action: 'add' | 'change' | 'remove';
  /** Undefined: it was not there (add), or it is not known. */
  readonly before: ServiceState | undefined;
  /** Undefined: it will not be there (remove), or it is not known. */
  readonly after: ServiceState | undefined;
  /** What else differs, in words: `affinity on (10800 s)`, `source ranges changed`. */
  readonly details: readonly string[];
  readonly rules: RuleLines;
}

/** What a person wants to know of a Service port at one moment. */
export interface ServiceState {
  readonly endpoints: number;
  /** Undefined: no affinity. */
  readonly affinitySeconds: number | undefined;
}

/** Rule lines as `-A CHAIN …`, in the order of their chains. */
export interface RuleLines {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A chain of ours that is not as we left it. */
export interface ChainDrift {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  /** ServicePortName of the Service that the chain serves; undefined when it serves several or the whole node. */
  readonly service: string | undefined;
  /** Rules that somebody put there. */
  readonly added: readonly string[];
  /** Rules of ours that are gone. */
  readonly removed: readonly string[];
  /** The whole chain is gone. */
  readonly missing: boolean;
}
