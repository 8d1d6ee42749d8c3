import type { Family } from '../../../model/address.ts';
import type { Protocol } from '../../../model/service.ts';
import type { Clause, ExternalAddress, LocalPods, Route, Treatment } from '../../../routing/route.ts';
import { localPodsOf } from '../match.ts';
import type { ChainNames, Named } from '../names.ts';
import type { Rule, RuleSet, Table } from '../objects.ts';
import { readBalance } from './read-balance.ts';
import { type DispatchRule, readDispatch } from './read-dispatch.ts';

/** A Route as the rules in the kernel tell it, with the detector that its rules use. */
export interface ReadRoute {
  readonly route: Route;
  readonly localPods: LocalPods | undefined;
}

/** What the rules of one family say, in the terms that they were written from. */
export interface ReadRoutes {
  /** By {@link Route.key}. */
  readonly routes: ReadonlyMap<string, ReadRoute>;
  /** Rules in dispatch chains that neither nodeplane nor kube-proxy writes there. */
  readonly foreign: readonly {
    readonly table: 'nat' | 'filter';
    readonly chain: string;
    readonly rule: Rule;
  }[];
}

/**
 * Reads Routes back from rules, nodeplane's own or kube-proxy's: the inverse of the layout. Rules that somebody changed give a Route that
 * lays out to something else than what was read, which is how drift is told from an older state.
 */
export function readRoutes(ruleSet: RuleSet, family: Family, names: ChainNames): ReadRoutes {
  const { rules, foreign } = readDispatch(ruleSet, names);
  const live: Live = { nat: ruleSet.nat, names };
  // The rule for a health-check port is TCP whatever the Service port is, so it is found by name.
  const healthChecks = new Map(rules.filter(isHealthCheck).map(({ name, port }) => [name, port]));
  const byRoute = new Map<string, DispatchRule[]>();
  for (const rule of rules) {
    if (isHealthCheck(rule)) continue;
    const key = `${rule.name}/${rule.protocol.toLowerCase()}`;
    byRoute.set(key, [...(byRoute.get(key) ?? []), rule]);
  }
  const routes = [...byRoute].map(([key, group]) => {
    const { route, localPods } = readRoute(live, family, key, group);
    return [
      key,
      { localPods, route: { ...route, healthCheckNodePort: healthChecks.get(route.name) ?? 0 } },
    ] as const;
  });
  return { routes: new Map(routes), foreign };
}

/** Where chains of Services are looked up. */
interface Live {
  readonly nat: Table;
  readonly names: ChainNames;
}

function isHealthCheck({ kind }: DispatchRule): boolean {
  return kind === 'health-check';
}

function readRoute(live: Live, family: Family, key: string, rules: readonly DispatchRule[]): ReadRoute {
  const { nat, names } = live;
  const [first] = rules;
  const named = { name: first?.name ?? '', protocol: first?.protocol ?? ('TCP' satisfies Protocol) };
  const cluster = readBalance(nat, names, names.serviceChain('SVC', named));
  const local = readBalance(nat, names, names.serviceChain('SVL', named));
  const external = readExternal(live, rules, named);
  const entry = rules.find(({ kind }) => kind === 'cluster-ip');
  const masquerade = (entry?.chain === names.serviceChain('SVL', named) ? local : cluster).masquerade;
  return {
    localPods: masquerade?.localPods ?? external.localPods,
    route: {
      key,
      family,
      ...named,
      port: rules.find(({ address }) => address !== '')?.port ?? 0,
      endpoints: { cluster: cluster.endpoints, local: local.endpoints },
      clusterIPs: addressesOf(rules, 'cluster-ip'),
      internal: readInternal(entry, names.serviceChain('SVL', named), masquerade),
      externalAddresses: readExternalAddresses(live, rules, named),
      nodePort: rules.find(({ kind }) => kind === 'node-port')?.port ?? 0,
      external: external.treatment,
      affinitySeconds: cluster.affinitySeconds ?? local.affinitySeconds,
      healthCheckNodePort: 0,
    },
  };
}

function addressesOf(rules: readonly DispatchRule[], kind: DispatchRule['kind']): readonly string[] {
  return [...new Set(rules.filter((rule) => rule.kind === kind).map(({ address }) => address))];
}

function readInternal(
  entry: DispatchRule | undefined,
  localChain: string,
  masquerade: { readonly localPods: LocalPods | undefined } | undefined,
): Treatment {
  if (entry === undefined) return [];
  if (entry.verdict !== undefined) return [{ source: 'any', action: { kind: entry.verdict } }];
  const over = entry.chain === localChain ? 'local' : 'cluster';
  const plain: Clause = { source: 'any', action: { kind: 'balance', over, masquerade: false } };
  if (masquerade === undefined) return [plain];
  const source = masquerade.localPods === undefined ? 'any' : 'not-local-pods';
  const marked: Clause = { source, action: { kind: 'balance', over, masquerade: true } };
  return source === 'any' ? [marked] : [marked, plain];
}

function readExternal({ nat, names }: Live, rules: readonly DispatchRule[], named: Named) {
  const chain = nat.get(names.serviceChain('EXT', named));
  const local = names.serviceChain('SVL', named);
  const refusal = rules.find((rule) => rule.kind !== 'cluster-ip' && rule.verdict !== undefined)?.verdict;
  const clauses: Clause[] = [];
  let localPods: LocalPods | undefined;
  for (const rule of chain?.rules ?? []) {
    if (rule.target.kind !== 'jump') continue;
    const to = rule.target.chain;
    if (!to.startsWith(names.of.SVC) && !to.startsWith(names.of.SVL)) continue;
    const over = to === local ? 'local' : 'cluster';
    const pods = rule.matches.map(localPodsOf).find((found) => found !== undefined);
    const node = rule.matches.some(({ kind }) => kind === 'address-type');
    const source = pods !== undefined ? 'local-pods' : node ? 'node' : 'any';
    const masquerade = node || (source === 'any' && over === 'cluster');
    clauses.push({ source, action: { kind: 'balance', over, masquerade } });
    localPods ??= pods;
  }
  if (refusal !== undefined) clauses.push({ source: 'any', action: { kind: refusal } });
  return { treatment: clauses, localPods };
}

function readExternalAddresses(
  { nat, names }: Live,
  rules: readonly DispatchRule[],
  named: Named,
): readonly ExternalAddress[] {
  const guard = nat.get(names.serviceChain('FW', named));
  const guardSources = (guard?.rules ?? []).flatMap(({ matches }) =>
    matches.flatMap((match) => (match.kind === 'source' ? [match.cidr] : [])),
  );
  return (['external-ip', 'load-balancer'] as const).flatMap((kind) =>
    addressesOf(rules, kind).map((address) => {
      const guarded = rules.some((rule) => rule.kind === kind && rule.chain === guard?.name);
      return { kind, address, sourceRanges: guarded ? guardSources : [], sourceAddresses: [] };
    }),
  );
}
