import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeplaneError, toError } from '../errors.ts';

/** Settings of the kernel, in the network namespace of this process. Names are paths: `net/ipv4/conf/all/route_localnet`. */
export interface Sysctls {
  /** The number, or undefined when this kernel has no such setting (or none that may be read). */
  read(name: string): Promise<number | undefined>;
  /**
   * Sets it, unless it has that value or a higher one already.
   * @returns whether it was changed.
   * @throws NodeplaneError `NP-KERNEL-008`.
   */
  raise(name: string, value: number): Promise<boolean>;
  /**
   * Sets it, unless it has that value already.
   * @returns whether it was changed.
   * @throws NodeplaneError `NP-KERNEL-008`.
   */
  set(name: string, value: number): Promise<boolean>;
}

/** @param root where the settings are files; tests give a directory of their own. */
export function createSysctls(root = '/proc/sys'): Sysctls {
  return {
    read: (name) => read(root, name),
    raise: (name, value) => change(root, name, value, (current) => current >= value),
    set: (name, value) => change(root, name, value, (current) => current === value),
  };
}

/**
 * Lets packets to 127.0.0.0/8 that nat sends to a pod leave through other interfaces than lo: NodePorts on localhost need it.
 * @returns whether it was changed.
 * @throws NodeplaneError `NP-KERNEL-008`.
 */
export function ensureRouteLocalnet(sysctls: Sysctls): Promise<boolean> {
  return sysctls.raise('net/ipv4/conf/all/route_localnet', 1);
}

/** Whether conntrack takes TCP packets outside the window for valid. The setting is absent until conntrack is loaded. */
export async function isConntrackTcpBeLiberal(sysctls: Sysctls): Promise<boolean> {
  return ((await sysctls.read('net/netfilter/nf_conntrack_tcp_be_liberal')) ?? 0) !== 0;
}

async function read(root: string, name: string): Promise<number | undefined> {
  const text = await readFile(join(root, name), 'utf8').catch(() => '');
  const trimmed = text.trim();
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

async function change(
  root: string,
  name: string,
  value: number,
  suffices: (current: number) => boolean,
): Promise<boolean> {
  const current = await read(root, name);
  if (current !== undefined && suffices(current)) return false;
  const path = join(root, name);
  try {
    // r+: a file that is not there must not be made, in a directory of a test neither.
    await writeFile(path, `${value}\n`, { flag: 'r+' });
    return true;
  } catch (thrown) {
    throw notChanged(path, value, toError(thrown));
  }
}

function notChanged(path: string, value: number, cause: Error): NodeplaneError {
  return new NodeplaneError('NP-KERNEL-008', { path, value, reason: cause.message }, cause);
}
