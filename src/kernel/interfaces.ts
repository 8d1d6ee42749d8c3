import { NodeplaneError } from '../errors.ts';
import { canonicalAddress } from '../model/address.ts';
import type { HostFacts } from '../routing/settings.ts';
import { CommandError, messageLines } from './command-error.ts';
import type { Exec } from './exec.ts';
import { isConntrackTcpBeLiberal, type Sysctls } from './sysctl.ts';

export interface HostOptions {
  readonly exec: Exec;
  readonly sysctls: Sysctls;
}

/**
 * HostFacts of routing: addresses of the network namespace in which `exec` runs programs, and what conntrack lets pass.
 * @throws NodeplaneError `NP-KERNEL-001` without iproute2, `NP-KERNEL-007`.
 */
export async function readHostFacts(options: HostOptions): Promise<HostFacts> {
  const addresses = await readAddresses(options);
  return { addresses, conntrackTcpBeLiberal: await isConntrackTcpBeLiberal(options.sysctls) };
}

/**
 * Canonical addresses of all interfaces without zones, sorted as text, none twice.
 * As net.InterfaceAddrs of Go (kube-proxy) lists them: also of an interface that is down, or a bridge without members.
 * `os.networkInterfaces()` would leave those out, and rules would change whenever a link does.
 */
async function readAddresses({ exec }: HostOptions): Promise<readonly string[]> {
  const argv = ['ip', '-oneline', 'address', 'show'] as const;
  const result = await exec({ argv, timeoutMilliseconds: 10_000 });
  if (result.exitCode !== 0) {
    const cause = new CommandError(result);
    const reason = messageLines(result.stderr)[0] ?? cause.shortMessage;
    throw new NodeplaneError('NP-KERNEL-007', { program: 'ip address show', reason }, cause);
  }
  const lines = result.stdout.matchAll(/^\d+: +\S+ +inet6? (?<address>[^\s/]+)/gm);
  const addresses = Array.from(lines, ({ groups }) => canonicalAddress(groups?.['address'] ?? ''));
  return [...new Set(addresses.filter((address) => address !== undefined))].sort();
}
