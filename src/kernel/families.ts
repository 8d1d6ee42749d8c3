import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../model/address.ts';
import type { Sysctls } from './sysctl.ts';

/**
 * Families that this host speaks; IPv4 always. IPv6 is off when the kernel has none, or was told not to use it.
 * @param procNet default `/proc/net`, of the network namespace of this process.
 */
export async function supportedFamilies(sysctls: Sysctls, procNet = '/proc/net'): Promise<readonly Family[]> {
  if (!existsSync(join(procNet, 'if_inet6'))) return ['IPv4'];
  const disabled = await sysctls.read('net/ipv6/conf/all/disable_ipv6');
  return disabled === 1 ? ['IPv4'] : ['IPv4', 'IPv6'];
}
