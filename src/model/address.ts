import { isIP } from 'node:net';
import { parseIp, stringifyIp } from 'ip-bigint';

/** IP family, spelled as in the `ip_family` label of kube-proxy's metrics and `EndpointSlice.addressType`. */
export type Family = 'IPv4' | 'IPv6';

export const families: readonly Family[] = ['IPv4', 'IPv6'];

/** A network in canonical form: host bits cleared, `text` printed as `address/length`. */
export interface Cidr {
  readonly family: Family;
  /** Canonical text, `10.0.0.0/8`. */
  readonly text: string;
  /** The network address as a number. */
  readonly network: bigint;
  /** Prefix length in bits. */
  readonly length: number;
}

const width: Record<Family, number> = { IPv4: 32, IPv6: 128 };

/** Bits in an address of the family: 32 or 128. */
export function addressWidth(family: Family): number {
  return width[family];
}

/**
 * Canonical text of an IP address (RFC 5952 for IPv6), or undefined when it is none.
 * Leading zeros in IPv4 octets are accepted and read as decimal, as Kubernetes reads old objects (KEP-4858);
 * an IPv4-mapped IPv6 address is the IPv4 address. Zones (`fe80::1%eth0`) are refused.
 */
export function canonicalAddress(text: string): string | undefined {
  const plain = dropLeadingZeros(text);
  const version = isIP(plain);
  if (version === 0 || plain.includes('%')) return undefined;
  if (version === 4) return plain;
  const parsed = parseIp(plain);
  if (parsed.number >> 32n === 0xffffn)
    return stringifyIp({ number: parsed.number & 0xffffffffn, version: 4 });
  return stringifyIp({ number: parsed.number, version: 6 });
}

/** Canonical network, or undefined when the text is no CIDR. `203.0.113.000/025` reads as `203.0.113.0/25`. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const canonical = canonicalAddress(address);
  if (canonical === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const family = familyOf(canonical);
  const prefix = Number(length);
  if (prefix > width[family] || (family === 'IPv4' && address.includes(':'))) return undefined;
  const hostBits = BigInt(width[family] - prefix);
  const network = (addressNumber(canonical) >> hostBits) << hostBits;
  return { family, text: `${addressText(network, family)}/${prefix}`, network, length: prefix };
}

/** The family of a canonical address or CIDR. */
export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 'IPv6' : 'IPv4';
}

/** The address as a number: 32 bits for IPv4, 128 for IPv6. */
export function addressNumber(canonical: string): bigint {
  return parseIp(canonical).number;
}

/** Canonical text of a number made by {@link addressNumber}. */
export function addressText(number: bigint, family: Family): string {
  return stringifyIp({ number, version: family === 'IPv4' ? 4 : 6 });
}

/** Whether a canonical address lies in the network. Another family never does. */
export function contains(cidr: Cidr, address: string): boolean {
  if (familyOf(address) !== cidr.family) return false;
  return (addressNumber(address) ^ cidr.network) >> BigInt(width[cidr.family] - cidr.length) === 0n;
}

/** The kinds of address that need care; everything else is `global`. */
export type AddressScope = 'unspecified' | 'loopback' | 'link-local' | 'multicast' | 'global';

const scopes: readonly (readonly [AddressScope, RegExp])[] = [
  ['unspecified', /^(?:0\.0\.0\.0|::)$/],
  ['loopback', /^(?:127\.|::1$)/],
  ['link-local', /^(?:169\.254\.|fe[89ab][0-9a-f]:)/],
  ['multicast', /^(?:22[4-9]\.|23\d\.|ff[0-9a-f]{2}:)/],
];

/** What kind of address the canonical text is. Of canonical text the first digits tell. */
export function addressScope(canonical: string): AddressScope {
  return scopes.find(([, pattern]) => pattern.test(canonical))?.[0] ?? 'global';
}

/** `10.0.0.1:80` or `[fd00::1]:80`, as kube-proxy prints endpoints; chain names hash this text. */
export function addressPort(address: string, port: number): string {
  return familyOf(address) === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The one-address network of an address: `/32` or `/128`. */
export function hostCidr(address: string): string {
  return `${address}/${width[familyOf(address)]}`;
}

function dropLeadingZeros(text: string): string {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(text)) return text;
  return text.replace(/\b0+(?=\d)/g, '');
}
