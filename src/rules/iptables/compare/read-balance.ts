import { addressPort } from '../../../model/address.ts';
import type { LocalPods, RouteEndpoint } from '../../../routing/route.ts';
import { localPodsOf } from '../match.ts';
import type { ChainNames } from '../names.ts';
import type { Rule, Table } from '../objects.ts';

/** What a balancing chain (`SVC` or `SVL`) and the chains below it say. */
export interface ReadBalance {
  /** Sorted by `address:port` as text. */
  readonly endpoints: readonly RouteEndpoint[];
  readonly affinitySeconds: number | undefined;
  /** Undefined: no rule marks for masquerading; else which sources are spared. */
  readonly masquerade: { readonly localPods: LocalPods | undefined } | undefined;
}

/** Reads a balancing chain with its tree. A chain that does not exist has no endpoints. */
export function readBalance(nat: Table, { markMasquerade }: ChainNames, name: string): ReadBalance {
  const rules = nat.get(name)?.rules ?? [];
  const endpoints = new Map<string, RouteEndpoint>();
  // What marks leads to no endpoint.
  collect(nat, rules, endpoints, new Set([name, markMasquerade]));
  const mark = rules.find(({ target }) => target.kind === 'jump' && target.chain === markMasquerade);
  const seconds = rules
    .flatMap(({ matches }) => matches)
    .find((match) => match.kind === 'recent-check')?.seconds;
  return {
    endpoints: [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint),
    affinitySeconds: seconds,
    masquerade: mark && { localPods: mark.matches.map(localPodsOf).find((found) => found !== undefined) },
  };
}

function collect(
  nat: Table,
  rules: readonly Rule[],
  into: Map<string, RouteEndpoint>,
  seen: Set<string>,
): void {
  for (const { target } of rules) {
    if (target.kind === 'dnat') {
      const { address, port } = target;
      into.set(addressPort(address, port), { address, port });
    }
    if (target.kind !== 'jump' || seen.has(target.chain)) continue;
    seen.add(target.chain);
    collect(nat, nat.get(target.chain)?.rules ?? [], into, seen);
  }
}
