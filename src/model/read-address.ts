import { type AddressScope, addressScope, canonicalAddress, parseCidr } from './address.ts';
import { printable } from './printable.ts';
import { type Field, type Report, textIn } from './read.ts';

/** What no Service and no endpoint may be, whatever its role: traffic to it would be stolen or go nowhere. */
const never: readonly AddressScope[] = ['unspecified', 'loopback', 'multicast'];

/** The API server also refuses link-local for endpoints and externalIPs (ValidateNonSpecialIP). */
export const nonSpecial: readonly AddressScope[] = [...never, 'link-local'];

/** Canonical address of a field; undefined when it is empty or reported. */
export function addressIn(
  field: Field,
  report: Report,
  forbidden: readonly AddressScope[] = never,
): string | undefined {
  const text = textIn(field, report);
  if (text === undefined) return undefined;
  const address = canonicalAddress(text);
  if (address === undefined) {
    report(field, `must be an IP address, is ${printable(text)}`);
    return undefined;
  }
  const scope = addressScope(address);
  if (!forbidden.includes(scope)) return address;
  report(field, `must not be a ${scope} address, is ${address}`);
  return undefined;
}

/** Canonical networks of a list; entries that are none are reported and left out. */
export function cidrsIn(fields: readonly Field[], report: Report): readonly string[] {
  return fields.flatMap((field) => {
    const cidr = typeof field.value === 'string' ? parseCidr(field.value.trim()) : undefined;
    if (cidr === undefined) report(field, `must be a CIDR, is ${printable(field.value)}`);
    return cidr === undefined ? [] : [cidr.text];
  });
}

/** Canonical addresses of a list, each once; entries that are none are reported and left out. */
export function addressesIn(
  fields: readonly Field[],
  report: Report,
  forbidden: readonly AddressScope[] = never,
): readonly string[] {
  const addresses = fields.map((field) => addressIn(field, report, forbidden));
  return [...new Set(addresses.filter((address) => address !== undefined))];
}
