import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { host, momentOf, plainSetting } from '../../../../test/conformance/arbitraries.ts';
import { type Json, node, service, slice } from '../../../../test/conformance/objects.ts';
import { ruleSetOf } from '../../../../test/conformance/rules-of.ts';
import { type Family, families } from '../../../model/address.ts';
import type { Protocol } from '../../../model/service.ts';
import type { RuleSet } from '../objects.ts';
import { trace } from '../trace/evaluate.ts';

const world = { localAddresses: new Set(host.addresses) };

/** A Service on its own address and ports, with an endpoint of its own or none. */
interface Placed {
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly nodePort: number;
  readonly served: boolean;
}

/** Addresses that share long prefixes, and some that share none. */
function placedIn(family: Family): fc.Arbitrary<readonly Placed[]> {
  const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2, 16, 17, 128));
  const address = fc
    .tuple(fc.constantFrom(30, 31, 96), byte, byte)
    .map(([a, b, c]) =>
      family === 'IPv4' ? `172.${a}.${b}.${c}` : `fd00:${a}:${(b + 1).toString(16)}::${(c + 1).toString(16)}`,
    );
  const one = fc.record({
    address,
    port: fc.constantFrom(53, 80, 443, 8080, 8081, 65535),
    protocol: fc.constantFrom<Protocol>('TCP', 'UDP', 'SCTP'),
    nodePort: fc.integer({ min: 30_000, max: 32_767 }),
    served: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  });
  return fc.uniqueArray(one, {
    minLength: 300,
    maxLength: 300,
    selector: (each) => [
      `${each.address} ${each.port} ${each.protocol}`,
      `${each.nodePort} ${each.protocol}`,
    ],
    comparator: ([vip, port], [otherVip, otherPort]) => vip === otherVip || port === otherPort,
  });
}

function objectsFor(placed: readonly Placed[], family: Family): readonly Json[] {
  return placed.flatMap(({ address, port, protocol, nodePort, served }, number) => [
    service({
      name: `s${number}`,
      type: 'NodePort',
      clusterIPs: [address],
      ports: [{ port, protocol, nodePort }],
    }),
    slice({
      of: `s${number}`,
      family,
      ports: [{ port: 9000, protocol }],
      endpoints: served ? [{ address: podOf(number, family) }] : [],
    }),
  ]);
}

function podOf(number: number, family: Family): string {
  return family === 'IPv4'
    ? `10.244.${number >> 7}.${(number & 127) + 1}`
    : `fd00:10:244::${(number + 1).toString(16)}`;
}

type To = Pick<Placed, 'address' | 'port' | 'protocol'>;

function fate(ruleSet: RuleSet, { address, port, protocol }: To, family: Family) {
  const { verdict, backends, hops } = trace(
    ruleSet,
    {
      source: family === 'IPv4' ? '203.0.113.9' : '2001:db8:113::9',
      destination: address,
      destinationPort: port,
      protocol,
      from: { kind: 'interface', name: 'eth0' },
    },
    world,
  );
  return { said: [verdict, ...backends.map((backend) => backend.address)].join(' '), hops };
}

describe.each(families)('%s: among 300 Services', (family) => {
  const nodeIP = family === 'IPv4' ? '192.168.50.11' : 'fd00:50::11';

  it('a packet finds the one it is for, by address and by NodePort, and no other', () => {
    fc.assert(
      fc.property(placedIn(family), (placed) => {
        const objects = [node({ name: 'node-a', addresses: [nodeIP] }), ...objectsFor(placed, family)];
        const ruleSet = ruleSetOf(momentOf({ ...plainSetting, family }, objects).layout);
        const known = new Set(placed.map(({ address, port, protocol }) => `${address} ${port} ${protocol}`));
        const ports = new Set(placed.map(({ nodePort, protocol }) => `${nodePort} ${protocol}`));
        for (const [number, one] of placed.entries()) {
          const expected = one.served ? `forward ${podOf(number, family)}` : 'reject';
          const direct = fate(ruleSet, one, family);
          expect(direct.said, JSON.stringify(one)).toBe(expected);
          const byNode = fate(ruleSet, { ...one, address: nodeIP, port: one.nodePort }, family);
          expect(byNode.said, JSON.stringify(one)).toBe(expected);
          // It passes the chains on the way down and no others.
          expect(direct.hops.filter(({ table }) => table === 'nat').length).toBeLessThan(20);
          for (const near of nearMisses(one, nodeIP)) {
            const meant =
              near.address === nodeIP
                ? ports.has(`${near.port} ${near.protocol}`)
                : known.has(`${near.address} ${near.port} ${near.protocol}`);
            if (!meant) expect(fate(ruleSet, near, family).said, JSON.stringify(near)).toBe('none');
          }
        }
      }),
      // Too much to shrink; the seed brings the same Services back.
      { numRuns: 1, endOnFailure: true },
    );
  });
});

function nearMisses({ address, port, protocol, nodePort }: Placed, nodeIP: string): readonly To[] {
  const other: Protocol = protocol === 'TCP' ? 'UDP' : 'TCP';
  const neighbour = address.replace(/[0-9a-f]+$/, (last) => (last.endsWith('1') ? '2' : '1'));
  return [
    { address, port: port === 65535 ? 1 : port + 1, protocol },
    { address, port, protocol: other },
    { address: neighbour, port, protocol },
    { address, port: nodePort, protocol },
    { address: nodeIP, port: nodePort + 1, protocol },
    { address: nodeIP, port: nodePort, protocol: other },
  ];
}
