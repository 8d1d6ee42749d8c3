/** Tables that nodeplane writes to. */
export type TableName = 'filter' | 'nat' | 'mangle';

export const tableNames: readonly TableName[] = ['mangle', 'filter', 'nat'];

/** Built-in chains by table (netfilter's hooks); everything else is a user-defined chain. */
export const builtinChains: Readonly<Record<TableName, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
};

export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** One match of a rule. `negated` stands for the `!` in front of its option. */
export type Match =
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'protocol'; readonly protocol: TransportProtocol }
  /** `cidr` is canonical, always with a length: `10.0.0.1/32`. */
  | { readonly kind: 'source'; readonly cidr: string; readonly negated: boolean }
  | { readonly kind: 'destination'; readonly cidr: string; readonly negated: boolean }
  /** Both bounds are inside; equal for a single port. Needs a `protocol` match before it. */
  | { readonly kind: 'destination-ports'; readonly from: number; readonly to: number }
  /** A trailing `+` matches every name with that prefix. */
  | { readonly kind: 'in-interface'; readonly name: string; readonly negated: boolean }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly negated: boolean }
  | {
      readonly kind: 'conntrack-state';
      readonly states: readonly ConntrackState[];
      readonly negated: boolean;
    }
  | { readonly kind: 'address-type'; readonly side: 'source' | 'destination'; readonly negated: boolean }
  /** `probability` as written in the rule, with ten digits; the kernel keeps it in steps of 2^-31. */
  | { readonly kind: 'statistic'; readonly probability: string }
  | { readonly kind: 'recent-check'; readonly list: string; readonly seconds: number }
  | { readonly kind: 'recent-set'; readonly list: string }
  | { readonly kind: 'nfacct'; readonly counter: string }
  /** What nodeplane never writes, read back from somebody else's rule: its options as text. A tracer cannot tell whether it matches. */
  | { readonly kind: 'other'; readonly text: string };

/** States of `-m conntrack --ctstate`; DNAT is a status that the same option tests. */
export type ConntrackState = 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED' | 'UNTRACKED' | 'SNAT' | 'DNAT';

export type Target =
  | { readonly kind: 'jump'; readonly chain: string }
  /** Like a jump, but a RETURN from the chain skips this one as well. Only read back, never written. */
  | { readonly kind: 'goto'; readonly chain: string }
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'return' }
  /** Plain REJECT: an ICMP port unreachable of the family. */
  | { readonly kind: 'reject' }
  /** `set` is the packet's mark after `(mark & ~clear) ^ flip`: --or-mark M is clear M, flip M; --xor-mark M is clear 0, flip M. */
  | { readonly kind: 'mark'; readonly clear: number; readonly flip: number }
  | { readonly kind: 'masquerade'; readonly fullyRandom: boolean }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number }
  /** No target: the rule counts packets and falls through. */
  | { readonly kind: 'none' }
  /** A foreign target, read back: what stands after `-j`. A tracer cannot tell what it does. */
  | { readonly kind: 'other'; readonly text: string };

/**
 * The match of a kind (of a union of kinds, any of them). A function `<K extends Match['kind']>(match: MatchOf<K>)` may look up
 * `table[match.kind](match)` in a `{ [K in Match['kind']]: (match: MatchOf<K>) => … }`, and no kind can be forgotten.
 */
export type MatchOf<K extends Match['kind']> = {
  [P in K]: Extract<Match, { kind: P }> & { readonly kind: P };
}[K];

/** The target of a kind, in the same way. */
export type TargetOf<K extends Target['kind']> = {
  [P in K]: Extract<Target, { kind: P }> & { readonly kind: P };
}[K];

/** One rule. Immutable; matches stand in the order in which they are written. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Key of the Route (`ns/svc:port/tcp`) that the rule serves; undefined for what serves the whole node, and for rules read back. */
  readonly service: string | undefined;
}

/** A chain with its rules in order. */
export interface Chain {
  readonly table: TableName;
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Of a built-in chain that was read back; absent: ACCEPT. */
  readonly policy?: 'ACCEPT' | 'DROP';
}

/** A rule that nodeplane puts first into a built-in chain. */
export interface JumpRule {
  readonly table: TableName;
  readonly builtin: string;
  readonly rule: Rule;
}

/** All chains of one table, in the order in which the kernel lists them. Built-in chains are among them when it was read back. */
export type Table = ReadonlyMap<string, Chain>;

/** Rules of one family, as read from the kernel or built for a test. */
export type RuleSet = Readonly<Record<TableName, Table>>;
