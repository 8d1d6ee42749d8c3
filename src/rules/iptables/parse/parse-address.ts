import {
  addressNumber,
  addressWidth,
  canonicalAddress,
  type Family,
  familyOf,
  hostCidr,
  parseCidr,
} from '../../../model/address.ts';

/**
 * The canonical network of what stands behind `-s` or `-d`: an address, or one with a length or a mask. Undefined when it is
 * none of the family, or its mask has holes.
 */
export function readNetwork(text: string, family: Family): string | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) {
    const address = readAddress(text, family);
    return address === undefined ? undefined : hostCidr(address);
  }
  const mask = text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(mask) ? mask : maskLength(mask, family);
  const cidr = length === undefined ? undefined : parseCidr(`${text.slice(0, slash)}/${length}`);
  return cidr?.family === family ? cidr.text : undefined;
}

/** The canonical address of the family, or undefined. */
export function readAddress(text: string, family: Family): string | undefined {
  const address = canonicalAddress(text);
  return address !== undefined && familyOf(address) === family ? address : undefined;
}

/** `ADDRESS:PORT` or `[ADDRESS]:PORT`, as DNAT takes it; ranges and addresses without a port are none of ours. */
export function readAddressPort(
  text: string,
  family: Family,
): { readonly address: string; readonly port: number } | undefined {
  const colon = text.lastIndexOf(':');
  const port = readPort(text.slice(colon + 1));
  const host = text.slice(0, colon);
  if (colon < 0 || port === undefined || (family === 'IPv6') !== host.startsWith('[')) return undefined;
  const address = readAddress(family === 'IPv6' ? host.slice(1, -1) : host, family);
  return address === undefined ? undefined : { address, port };
}

/** A port in decimal digits, or undefined. */
export function readPort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function maskLength(mask: string, family: Family): number | undefined {
  const address = readAddress(mask, family);
  if (address === undefined) return undefined;
  const bits = addressNumber(address).toString(2).padStart(addressWidth(family), '0');
  const length = bits.lastIndexOf('1') + 1;
  return bits.slice(0, length).includes('0') ? undefined : length;
}
