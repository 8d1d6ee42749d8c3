import { BlockList, isIP } from 'node:net';
import { containsCidr, normalizeCidr } from 'cidr-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressNumber,
  addressPort,
  addressScope,
  addressText,
  canonicalAddress,
  contains,
  familyOf,
  hostCidr,
  parseCidr,
} from './address.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);
const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6().filter((text) => isIP(text) === 6);
const address = fc.oneof(ipv4, ipv6);

describe('canonicalAddress', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['172.30.0.041', '172.30.0.41'],
    ['000.0.00.0', '0.0.0.0'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['::10.0.0.1', '::a00:1'],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1 ',
    '10.0.0.1\n',
    '10.0.0.1/32',
    '0x0a.0.0.1',
    '10.0.0.-1',
    'fe80::1%eth0',
    '[::1]',
    ':::',
    '1::2::3',
    'localhost',
    '$(reboot)',
  ])('refuses %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('takes exactly what node:net takes, zones and leading zeros aside', () => {
    const text = fc.oneof(address, fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(text, (some) => {
        fc.pre(!/(^|\.)0\d/.test(some) && !some.includes('%'));
        expect(canonicalAddress(some) !== undefined).toBe(isIP(some) !== 0);
      }),
      { seed, numRuns: 500 },
    );
  });

  it('is the same address, and canonical text is a fixpoint', () => {
    fc.assert(
      fc.property(address, (text) => {
        const canonical = canonicalAddress(text) ?? '';
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(addressText(addressNumber(canonical), familyOf(canonical))).toBe(canonical);
        const list = new BlockList();
        list.addAddress(text, isIP(text) === 6 ? 'ipv6' : 'ipv4');
        expect(list.check(canonical, familyOf(canonical) === 'IPv6' ? 'ipv6' : 'ipv4')).toBe(true);
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe('parseCidr', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['203.0.113.000/025', '203.0.113.0/25'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['fd00::1/64', 'fd00::/64'],
    ['::/0', '::/0'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseCidr(text)?.text).toBe(canonical);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/+8',
    '/8',
    '10.0.0.0/8\n',
    '::ffff:10.0.0.0/104',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('clears host bits and contains as cidr-tools does', () => {
    const pair = fc.oneof(
      fc.tuple(ipv4, ipv4, fc.integer({ min: 0, max: 32 })),
      fc.tuple(ipv6, ipv6, fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(pair, ([one, other, length]) => {
        const [network, inside] = [canonicalAddress(one) ?? '', canonicalAddress(other) ?? ''];
        fc.pre(familyOf(network) === familyOf(inside) && length <= (familyOf(network) === 'IPv4' ? 32 : 128));
        const cidr = parseCidr(`${network}/${length}`);
        expect(cidr?.text).toBe(normalizeCidr(`${network}/${length}`));
        if (!cidr) throw new Error('no CIDR');
        expect(contains(cidr, network)).toBe(true);
        expect(contains(cidr, inside)).toBe(containsCidr(cidr.text, hostCidr(inside)));
      }),
      { seed, numRuns: 500 },
    );
  });

  it('contains no address of the other family', () => {
    const all = parseCidr('0.0.0.0/0');
    expect(all && contains(all, '::1')).toBe(false);
  });
});

describe('addressScope', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.1.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['10.0.0.1', 'global'],
    ['12.7.0.1', 'global'],
    ['223.255.255.255', 'global'],
    ['240.0.0.1', 'global'],
    ['::2', 'global'],
    ['fec0::1', 'global'],
    ['ff::1', 'global'],
    ['2001:db8::1', 'global'],
  ])('%s is %s', (text, scope) => {
    expect(addressScope(text)).toBe(scope);
  });

  it('agrees with the ranges of the RFCs', () => {
    const ranges = [
      ['loopback', ['127.0.0.0/8', '::1/128']],
      ['link-local', ['169.254.0.0/16', 'fe80::/10']],
      ['multicast', ['224.0.0.0/4', 'ff00::/8']],
      ['unspecified', ['0.0.0.0/32', '::/128']],
    ] as const;
    fc.assert(
      fc.property(address, (text) => {
        const canonical = canonicalAddress(text) ?? '';
        const expected = ranges.find(([, cidrs]) => containsCidr([...cidrs], hostCidr(canonical)))?.[0];
        expect(addressScope(canonical)).toBe(expected ?? 'global');
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe('addressPort and hostCidr', () => {
  it('print each family its way', () => {
    expect(addressPort('10.0.0.1', 80)).toBe('10.0.0.1:80');
    expect(addressPort('fd00::1', 80)).toBe('[fd00::1]:80');
    expect(hostCidr('10.0.0.1')).toBe('10.0.0.1/32');
    expect(hostCidr('fd00::1')).toBe('fd00::1/128');
  });
});
