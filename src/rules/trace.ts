import type { Protocol } from '../model/service.ts';

/** A packet as it meets the node. Its family is that of its addresses, which are canonical text. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly protocol: Protocol;
  /** Where it comes from: an interface of the node, or a process on it. */
  readonly from: { readonly kind: 'interface'; readonly name: string } | { readonly kind: 'local' };
  /** What conntrack says of it; absent: NEW, the first packet of a connection. Others do not meet the nat table. */
  readonly state?: 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';
  /** Lists of session affinity that remember its source. */
  readonly affinity?: ReadonlySet<string>;
}

/** What of the node decides a packet's way, besides rules. */
export interface TraceWorld {
  /** The node's own addresses; 127.0.0.0/8 and ::1 are always its own. */
  readonly localAddresses: ReadonlySet<string>;
}

/**
 * `forward`: sent to a backend and let through. `reject`: an ICMP error goes back. `drop`: silence.
 * `none`: let through with the destination it had; no Service is concerned.
 */
export type Verdict = 'forward' | 'reject' | 'drop' | 'none';

/** Where a packet may go to, and how likely. */
export interface Backend {
  readonly address: string;
  readonly port: number;
  readonly probability: number;
  /** Whether the backend sees an address of the node in place of the client's. */
  readonly masquerade: boolean;
}

/** One way in which it may end; the probabilities of all outcomes add up to 1. */
export interface Outcome {
  readonly probability: number;
  readonly verdict: Verdict;
  /** Of `forward`. */
  readonly backend: { readonly address: string; readonly port: number } | undefined;
  readonly masquerade: boolean;
}

/** A rule that matched on some way of the packet. */
export interface Hop {
  /** `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT` or `POSTROUTING`. */
  readonly hook: string;
  readonly table: string;
  readonly chain: string;
  /** Number of the rule in its chain, from 1, as `iptables -L --line-numbers` counts. */
  readonly position: number;
  /** The rule in the words of its dialect. */
  readonly text: string;
  /** Key of the Route that the rule serves; undefined for what serves the whole node, and for rules that were read back. */
  readonly service: string | undefined;
  /** What it did, in a few words: `jump KUBE-SVC-…`, `DNAT to 10.0.0.1:80`. */
  readonly effect: string;
  /** How likely the packet meets the rule and matches. */
  readonly probability: number;
}

/** What happens to a packet. */
export interface Trace {
  /** The likeliest; `outcomes` tells when there are several. */
  readonly verdict: Verdict;
  /** Of the outcomes with verdict `forward`, one by address, port and masquerade, in the order of the rules. */
  readonly backends: readonly Backend[];
  /** Whether each packet that is let through leaves with an address of the node. */
  readonly masquerade: boolean;
  readonly outcomes: readonly Outcome[];
  /** Rules that match on any of the ways, hook by hook, each once. */
  readonly hops: readonly Hop[];
  /** Rules on the way that no tracer can judge, as text. They were passed over; empty: the trace is certain. */
  readonly uncertain: readonly string[];
}

/** The trace from all ways that a packet took: equal outcomes become one, and the summary is drawn. */
export function summarise(
  ways: readonly Outcome[],
  hops: readonly Hop[],
  uncertain: readonly string[],
): Trace {
  const outcomes = mergeEqual(ways);
  const passed = outcomes.filter(({ verdict }) => verdict === 'forward' || verdict === 'none');
  return {
    verdict: likeliestVerdict(outcomes),
    backends: outcomes.flatMap(({ backend, probability, masquerade }) =>
      backend === undefined ? [] : [{ ...backend, probability, masquerade }],
    ),
    masquerade: passed.length > 0 && passed.every(({ masquerade }) => masquerade),
    outcomes,
    hops,
    uncertain,
  };
}

function mergeEqual(ways: readonly Outcome[]): readonly Outcome[] {
  const merged = new Map<string, Outcome>();
  for (const way of ways) {
    const { verdict, backend, masquerade } = way;
    const key = `${verdict} ${backend?.address} ${backend?.port} ${masquerade}`;
    const probability = (merged.get(key)?.probability ?? 0) + way.probability;
    merged.set(key, { ...way, probability });
  }
  return [...merged.values()];
}

function likeliestVerdict(outcomes: readonly Outcome[]): Verdict {
  const sums: Record<Verdict, number> = { forward: 0, reject: 0, drop: 0, none: 0 };
  for (const { verdict, probability } of outcomes) sums[verdict] += probability;
  const order: readonly Verdict[] = ['forward', 'reject', 'drop', 'none'];
  return order.reduce((best, verdict) => (sums[verdict] > sums[best] ? verdict : best));
}
