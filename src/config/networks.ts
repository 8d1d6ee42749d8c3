import { parseCidr } from '../model/address.ts';
import type { NodePortSelection } from '../routing/settings.ts';
import type { Complain } from './problem.ts';

/** Canonical networks of `10.244.0.0/16` or `10.244.0.0/16,fd00:10::/56`: at most one per family. Empty text gives none. */
export function readClusterCIDR(text: string, complain: (text: string) => void): readonly string[] {
  if (text.trim() === '') return [];
  const parts = text.split(',').map((part) => part.trim());
  const cidrs = parts.flatMap((part) => {
    const cidr = parseCidr(part);
    if (cidr === undefined)
      complain(`${JSON.stringify(part.slice(0, 80))} is no CIDR, such as 10.244.0.0/16`);
    return cidr ?? [];
  });
  const tooMany = parts.length > 2 || (cidrs.length === 2 && cidrs[0]?.family === cidrs[1]?.family);
  if (tooMany) complain('it is neither one CIDR nor a pair of an IPv4 and an IPv6 CIDR');
  return cidrs.map((cidr) => cidr.text);
}

const advice: ReadonlyMap<string, string> = new Map([
  ['all', '; leave the field out for all addresses'],
  ['localhost', '; write 127.0.0.0/8'],
]);

/** kube-proxy's `nodePortAddresses`: CIDRs, or the word `primary` alone. */
export function readNodePortAddresses(entries: readonly string[], complain: Complain): NodePortSelection {
  if (entries.length === 0) return { kind: 'all' };
  if (entries.length === 1 && entries[0] === 'primary') return { kind: 'primary' };
  const cidrs = entries.flatMap((entry, index) => {
    const cidr = parseCidr(entry);
    if (cidr !== undefined) return cidr.text;
    const text =
      entry === 'primary'
        ? '"primary" does not go together with other entries'
        : `${JSON.stringify(entry.slice(0, 80))} is no CIDR${advice.get(entry) ?? ''}`;
    complain(['nodePortAddresses', index], text);
    return [];
  });
  return { kind: 'cidrs', cidrs };
}

/** Whether the text can be the name of a Node: a DNS subdomain in lower case. */
export function isNodeName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(text);
}
