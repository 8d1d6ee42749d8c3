import type { Protocol } from '../../../model/service.ts';
import type { ChainNames } from '../names.ts';
import type { Match, Rule, RuleSet, Table, TransportProtocol } from '../objects.ts';

/** A rule of a dispatch chain that leads to a Service port or refuses its traffic. */
export interface DispatchRule {
  readonly kind: 'cluster-ip' | 'external-ip' | 'load-balancer' | 'node-port' | 'health-check';
  /** ServicePortName. */
  readonly name: string;
  readonly protocol: Protocol;
  /** The virtual address; empty for ports of the node. */
  readonly address: string;
  readonly port: number;
  /** Chain that is jumped to; empty for a refusal. */
  readonly chain: string;
  readonly verdict: 'reject' | 'drop' | undefined;
}

/** A rule with the place where it was found. */
interface Found {
  readonly table: 'nat' | 'filter';
  readonly chain: string;
  readonly root: string;
  readonly rule: Rule;
  readonly names: ChainNames;
}

const protocols: Readonly<Record<TransportProtocol, Protocol>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' };

/** Words that follow the ServicePortName in the comment of a rule that leads on. */
const leading: readonly (readonly [suffix: string, kind: DispatchRule['kind']])[] = [
  [' cluster IP', 'cluster-ip'],
  [' external IP', 'external-ip'],
  [' loadbalancer IP', 'load-balancer'],
];

/** All dispatch rules of a rule set, and those that do not belong there. */
export function readDispatch(
  ruleSet: RuleSet,
  names: ChainNames,
): {
  readonly rules: readonly DispatchRule[];
  readonly foreign: readonly Found[];
} {
  const nat = [names.services, names.nodePorts].flatMap((root) => [
    ...below(ruleSet.nat, { table: 'nat', root, names }),
  ]);
  const filter = [names.services, names.externalServices, names.nodePorts, names.proxyFirewall].flatMap(
    (root) => [...below(ruleSet.filter, { table: 'filter', root, names })],
  );
  const rules: DispatchRule[] = [];
  const foreign: Found[] = [];
  const refusals: Found[] = [];
  for (const found of [...nat, ...filter]) {
    if (isStructure(found)) continue;
    const read = found.table === 'nat' ? readLeading(found) : readHealthCheck(found);
    if (read !== undefined) rules.push(read);
    else if (found.table === 'filter') refusals.push(found);
    else foreign.push(found);
  }
  const leadingKinds = new Map(rules.map((rule) => [addressKey(rule), rule.kind]));
  for (const found of refusals) {
    const read = readRefusal(found, leadingKinds);
    if (read !== undefined) rules.push(read);
    else foreign.push(found);
  }
  return { rules, foreign };
}

/** Rules of a chain and of the dispatch chains below it. */
function* below(
  table: Table,
  place: Pick<Found, 'table' | 'root' | 'names'>,
  chain = place.root,
): Generator<Found> {
  for (const rule of table.get(chain)?.rules ?? []) {
    yield { ...place, chain, rule };
    const child = treeChild(rule, place.names);
    if (child !== undefined) yield* below(table, place, child);
  }
}

/** A jump inside a dispatch tree has no comment and goes to a chain with the prefix of its kind. */
function treeChild({ matches, target }: Rule, names: ChainNames): string | undefined {
  if (target.kind !== 'jump' || !target.chain.startsWith(names.of.SVC)) return undefined;
  return matches.some(({ kind }) => kind === 'comment') ? undefined : target.chain;
}

function isStructure({ root, table, rule, names }: Found): boolean {
  const { target } = rule;
  if (treeChild(rule, names) !== undefined) return true;
  if (root === names.services && table === 'nat')
    return target.kind === 'jump' && target.chain === names.nodePorts;
  return root === names.proxyFirewall && commentOf(rule).includes(` traffic not accepted by ${names.of.FW}`);
}

function readLeading({ root, rule, names }: Found): DispatchRule | undefined {
  const { target } = rule;
  if (target.kind !== 'jump' || !names.isServiceChain(target.chain)) return undefined;
  const words = commentOf(rule);
  if (root === names.nodePorts)
    return readRule(rule, { kind: 'node-port', name: words, chain: target.chain });
  for (const [suffix, kind] of leading) {
    if (words.endsWith(suffix))
      return readRule(rule, { kind, name: words.slice(0, -suffix.length), chain: target.chain });
  }
  return undefined;
}

function readHealthCheck({ root, rule, names }: Found): DispatchRule | undefined {
  const suffix = ' health check node port';
  const words = commentOf(rule);
  if (root !== names.nodePorts || rule.target.kind !== 'accept' || !words.endsWith(suffix)) return undefined;
  // The protocol in the rule is that of the probe; the Service port's own stands nowhere in it, see readRoutes.
  return readRule(rule, { kind: 'health-check', name: words.slice(0, -suffix.length), chain: '' });
}

function readRefusal(
  { root, rule, names }: Found,
  kinds: ReadonlyMap<string, DispatchRule['kind']>,
): DispatchRule | undefined {
  const { target } = rule;
  if (target.kind !== 'reject' && target.kind !== 'drop') return undefined;
  const words = commentOf(rule).match(/^(.*) has no (?:local )?endpoints$/);
  if (words === null) return undefined;
  const read = readRule(rule, { kind: 'cluster-ip', name: words[1] ?? '', chain: '' });
  if (read === undefined) return undefined;
  const kind =
    root === names.services ? 'cluster-ip' : read.address === '' ? 'node-port' : kinds.get(addressKey(read));
  return { ...read, kind: kind ?? 'external-ip', verdict: target.kind };
}

function readRule(
  rule: Rule,
  known: Pick<DispatchRule, 'kind' | 'name' | 'chain'>,
): DispatchRule | undefined {
  const find = <K extends Match['kind']>(kind: K) =>
    rule.matches.find((match): match is Extract<Match, { kind: K }> => match.kind === kind);
  const protocol = find('protocol');
  const ports = find('destination-ports');
  const destination = known.kind === 'node-port' ? undefined : find('destination');
  const unexpected = rule.matches.some(
    ({ kind }) => kind === 'other' || kind === 'source' || kind === 'mark',
  );
  if (protocol === undefined || ports === undefined || unexpected) return undefined;
  return {
    ...known,
    protocol: protocols[protocol.protocol],
    address: destination?.cidr.replace(/\/\d+$/, '') ?? '',
    port: ports.from,
    verdict: undefined,
  };
}

function addressKey({ name, protocol, address, port }: DispatchRule): string {
  return `${name} ${protocol} ${address} ${port}`;
}

function commentOf({ matches }: Rule): string {
  return matches.find((match) => match.kind === 'comment')?.text ?? '';
}
