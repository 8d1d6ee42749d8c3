import { NodeplaneError } from '../errors.ts';
import { type Cidr, type Family, hostCidr, parseCidr } from '../model/address.ts';
import { CommandError, messageLines } from './command-error.ts';
import type { Exec } from './exec.ts';

const flags: Readonly<Record<Family, '-4' | '-6'>> = { IPv4: '-4', IPv6: '-6' };

/**
 * What the kernel takes for an address of its own, as `--dst-type LOCAL` of iptables does: by the routing table `local`, in which
 * 127.0.0.0/8 stands and so does a range that somebody has routed to lo.
 * @throws NodeplaneError `NP-KERNEL-001` without iproute2, `NP-KERNEL-007`.
 */
export async function readLocalNetworks(exec: Exec, family: Family): Promise<readonly Cidr[]> {
  const argv = ['ip', '-oneline', flags[family], 'route', 'show', 'table', 'local', 'type', 'local'] as const;
  const result = await exec({ argv, timeoutMilliseconds: 10_000 });
  if (result.exitCode !== 0) {
    const cause = new CommandError(result);
    const reason = messageLines(result.stderr)[0] ?? cause.shortMessage;
    throw new NodeplaneError('NP-KERNEL-007', { program: 'ip route show', reason }, cause);
  }
  const words = Array.from(result.stdout.matchAll(/^local (\S+)/gm), ([, word = '']) => word);
  return words
    .map((word) => parseCidr(word.includes('/') ? word : hostCidr(word)))
    .filter((cidr) => cidr !== undefined);
}
