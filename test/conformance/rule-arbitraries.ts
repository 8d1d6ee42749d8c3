import fc from 'fast-check';
import type { Family } from '../../src/model/address.ts';
import { addressText, familyOf, hostCidr, parseCidr } from '../../src/model/address.ts';
import type { ConntrackState, Match, Rule, Target } from '../../src/rules/iptables/objects.ts';

/** Canonical addresses of the family. */
function addresses(family: Family): fc.Arbitrary<string> {
  const top = family === 'IPv4' ? 2n ** 32n - 1n : 2n ** 128n - 1n;
  return fc
    .bigInt({ min: 0n, max: top })
    .map((number) => addressText(number, family))
    .filter((text) => familyOf(text) === family && !(family === 'IPv6' && text.includes('.')));
}

/** Canonical networks of the family, hosts among them. */
function networks(family: Family): fc.Arbitrary<string> {
  const width = family === 'IPv4' ? 32 : 128;
  const ranges = fc
    .tuple(addresses(family), fc.integer({ min: 1, max: width }))
    .map(([address, length]) => parseCidr(`${address}/${length}`)?.text ?? hostCidr(address));
  return fc.oneof(addresses(family).map(hostCidr), ranges);
}

/** Comments of one line, with everything that needs quoting. */
const comments: fc.Arbitrary<string> = fc
  .string({ unit: fc.constantFrom(...'abz09-/:> "\\\'(){}[]!#,;$`ü'.split('')), maxLength: 60 })
  .filter((text) => text.trim() === text && text !== '');

const states: readonly ConntrackState[] = [
  'INVALID',
  'NEW',
  'RELATED',
  'ESTABLISHED',
  'UNTRACKED',
  'SNAT',
  'DNAT',
];
const bits = fc.integer({ min: 0, max: 0xffffffff });
const names = fc.string({ unit: fc.constantFrom(...'ABCXYZ2345-'.split('')), minLength: 1, maxLength: 20 });
export const chainNames = names.map((name) => `KUBE-${name}`);

type ByKind<T extends { readonly kind: string }> = {
  readonly [K in T['kind']]: fc.Arbitrary<Extract<T, { kind: K }>>;
};

/** One arbitrary for each kind of match; the compiler sees to it that none is missing. */
export function matchArbitraries(family: Family): ByKind<Match> {
  const negated = fc.boolean();
  const cidr = networks(family);
  const port = fc.integer({ min: 0, max: 65535 });
  return {
    comment: fc.record({ kind: fc.constant('comment'), text: comments }),
    protocol: fc.record({
      kind: fc.constant('protocol'),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    }),
    source: fc.record({ kind: fc.constant('source'), cidr, negated }),
    destination: fc.record({ kind: fc.constant('destination'), cidr, negated }),
    'destination-ports': fc
      .tuple(port, port)
      .map(([a, b]) => ({ kind: 'destination-ports', from: Math.min(a, b), to: Math.max(a, b) }) as const),
    'in-interface': fc.record({
      kind: fc.constant('in-interface'),
      name: fc.constantFrom('eth0', 'cali+', 'lo', 'veth0a1b2c3'),
      negated,
    }),
    mark: fc.record({ kind: fc.constant('mark'), value: bits, mask: bits, negated }),
    'conntrack-state': fc.record({
      kind: fc.constant('conntrack-state'),
      states: fc.subarray([...states], { minLength: 1 }),
      negated,
    }),
    'address-type': fc.record({
      kind: fc.constant('address-type'),
      side: fc.constantFrom('source', 'destination'),
      negated,
    }),
    statistic: fc.record({
      kind: fc.constant('statistic'),
      probability: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value.toFixed(10)),
    }),
    'recent-check': fc.record({
      kind: fc.constant('recent-check'),
      list: chainNames,
      seconds: fc.integer({ min: 1, max: 86400 }),
    }),
    'recent-set': fc.record({ kind: fc.constant('recent-set'), list: chainNames }),
    nfacct: fc.record({
      kind: fc.constant('nfacct'),
      counter: fc.constantFrom('ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'),
    }),
    other: fc.record({
      kind: fc.constant('other'),
      text: fc.constantFrom('-m multiport --dports 1,2,3', '-o eth0', '-m set --match-set blocked src'),
    }),
  };
}

/** One arbitrary for each kind of target. */
export function targetArbitraries(family: Family): ByKind<Target> {
  return {
    jump: fc.record({ kind: fc.constant('jump'), chain: chainNames }),
    goto: fc.record({ kind: fc.constant('goto'), chain: chainNames }),
    accept: fc.constant({ kind: 'accept' }),
    drop: fc.constant({ kind: 'drop' }),
    return: fc.constant({ kind: 'return' }),
    reject: fc.constant({ kind: 'reject' }),
    mark: fc.record({ kind: fc.constant('mark'), clear: bits, flip: bits }),
    masquerade: fc.record({ kind: fc.constant('masquerade'), fullyRandom: fc.boolean() }),
    dnat: fc.record({
      kind: fc.constant('dnat'),
      address: addresses(family),
      port: fc.integer({ min: 1, max: 65535 }),
    }),
    none: fc.constant({ kind: 'none' }),
    other: fc.record({
      kind: fc.constant('other'),
      text: fc.constantFrom('LOG', 'LOG --log-prefix "a b: "', 'CT --notrack'),
    }),
  };
}

/** Rules with at most one match of a kind, in any order. What the kernel makes of them is another question. */
export function rules(family: Family): fc.Arbitrary<Rule> {
  return fc.record({
    matches: fc.uniqueArray(fc.oneof(...Object.values(matchArbitraries(family))), {
      selector: (match) => match.kind,
      maxLength: 6,
    }),
    target: fc.oneof(...Object.values(targetArbitraries(family))),
    service: fc.constant(undefined),
  });
}
