import { networkInterfaces } from 'node:os';
import { addressScope, canonicalAddress, families } from '../model/address.ts';
import type { Node } from '../model/node.ts';
import { decideNode } from '../routing/node.ts';
import type { RoutingSettings } from '../routing/settings.ts';

const wildcards = { IPv4: '0.0.0.0', IPv6: '::' } as const;

/**
 * Where health-check node ports listen: where NodePorts answer, in both families whatever this node programs. `0.0.0.0` and `::` mean everywhere.
 * @param interfaces canonical addresses of this machine.
 */
export function healthCheckAddresses(
  settings: RoutingSettings,
  node: Node | undefined,
  interfaces: () => readonly string[] = interfaceAddresses,
): readonly string[] {
  if (settings.nodePortAddresses.kind === 'all') return Object.values(wildcards);
  const host = { addresses: interfaces(), conntrackTcpBeLiberal: false };
  return families.flatMap((family) => {
    const { addresses } = decideNode(family, settings, host, node).nodePorts;
    return addresses === 'any-local' ? [wildcards[family]] : addresses;
  });
}

/** Those that one can listen at without naming a zone, of interfaces that are up; sorted. */
function interfaceAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = all.map(({ address }) => canonicalAddress(address)).filter((each) => each !== undefined);
  return [...new Set(addresses.filter((each) => addressScope(each) !== 'link-local'))].sort();
}
