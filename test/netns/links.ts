// Pieces of the shell scripts that build networks: pure text, so that one is built by a handful of programs in a fraction of a second.
import type { Family } from '../../src/model/address.ts';
import type { AddressPair } from './addresses.ts';

export const bits: Readonly<Record<Family, number>> = { IPv4: 32, IPv6: 128 };
export const everything: AddressPair = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/** In each namespace, before it has links. */
const sysctls: readonly string[] = [
  // Answers may come from where the kernel would not expect them; that is what is tested.
  'ipv4/conf/all/rp_filter=0',
  'ipv4/conf/default/rp_filter=0',
  // The way that routes say is the way to be tried, be there a shorter one.
  'ipv4/conf/all/send_redirects=0',
  'ipv4/conf/default/send_redirects=0',
  'ipv6/conf/all/accept_redirects=0',
  'ipv6/conf/default/accept_redirects=0',
  // Else one refusal per second and destination: the others would look like drops.
  'ipv4/icmp_ratelimit=0',
  'ipv6/icmp/ratelimit=0',
  'ipv4/icmp_msgs_per_sec=1000000',
  'ipv4/icmp_msgs_burst=1000000',
  // Addresses are to be usable at once.
  'ipv6/conf/all/disable_ipv6=0',
  'ipv6/conf/default/disable_ipv6=0',
  'ipv6/conf/all/accept_dad=0',
  'ipv6/conf/default/accept_dad=0',
  'ipv6/conf/default/dad_transmits=0',
  'ipv6/conf/all/accept_ra=0',
  'ipv6/conf/default/accept_ra=0',
];

/** What a namespace needs besides, by its name. */
export type OwnSysctls = Readonly<Record<string, readonly string[]>>;

export const routerSysctls: readonly string[] = ['ipv4/ip_forward=1', 'ipv6/conf/all/forwarding=1'];

/** For a namespace whose sockets are bound to addresses that its links do not have. */
export const nonlocalSysctls: readonly string[] = ['ipv6/ip_nonlocal_bind=1'];

/** Makes namespaces, without links. */
export function namespacesScript(names: readonly string[], own: OwnSysctls = {}): string {
  const add = names.map((name) => `netns add ${name}`);
  return [batch(undefined, add), ...names.map((name) => sysctlScript(name, own[name] ?? []))].join('\n');
}

function sysctlScript(name: string, own: readonly string[]): string {
  // /proc/sys/net shows the namespace of the process that looks. Not all settings exist on all kernels.
  const settings = [...own, ...sysctls].map((setting) => setting.replace('=', ' '));
  return `nsenter --net=/run/netns/${name} sh -c '
    set_to() { echo $2 2>/dev/null >/proc/sys/net/$1 || :; }
    ${settings.map((setting) => `set_to ${setting}`).join('\n')}'`;
}

/** Addresses of a link, for {@link batch}. */
export function addLines(addresses: readonly string[], link: string): readonly string[] {
  return addresses.map(
    (address) => `addr add ${address} dev ${link}${address.includes(':') ? ' nodad' : ''}`,
  );
}

export function hostAddresses({ IPv4, IPv6 }: AddressPair): readonly string[] {
  return [`${IPv4}/${bits.IPv4}`, `${IPv6}/${bits.IPv6}`];
}

/** One run of ip in a namespace, or in the first one. A further option may follow its name. */
export function batch(namespace: string | undefined, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `ip ${namespace === undefined ? '' : `-n ${namespace} `}-batch - <<'END'\n${lines.join('\n')}\nEND`;
}
