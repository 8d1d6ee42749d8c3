import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeplaneError, toError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import { type TableName, tableNames } from '../rules/iptables/objects.ts';
import type { IptablesVariant } from './iptables-programs.ts';

/**
 * Tables of a variant that may be read without a trace. To ask legacy for one that does not exist would create it, and slow every packet
 * down a little; nft creates nothing by being asked.
 * @param procNet default `/proc/net`, of the network namespace of this process.
 * @throws NodeplaneError `NP-KERNEL-002` when the list of tables may not be read.
 */
export async function existingTables(
  variant: IptablesVariant,
  family: Family,
  procNet = '/proc/net',
): Promise<readonly TableName[]> {
  if (variant === 'nft') return tableNames;
  const file = join(procNet, family === 'IPv4' ? 'ip_tables_names' : 'ip6_tables_names');
  try {
    const names = (await readFile(file, 'utf8')).split('\n');
    return tableNames.filter((table) => names.includes(table));
  } catch (thrown) {
    const cause = toError(thrown);
    if ('code' in cause && cause.code === 'ENOENT') return [];
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: Error): NodeplaneError {
  return new NodeplaneError('NP-KERNEL-002', { program: `reading ${file}` }, cause);
}
