import { NodeplaneError } from '../errors.ts';

export const modes = ['iptables'] as const;

export type Mode = (typeof modes)[number];

/** Modes of kube-proxy that nodeplane does not offer, and why. */
const refusals: ReadonlyMap<string, string> = new Map([
  ['nftables', 'it comes with a later version; use iptables until then'],
  ['ipvs', 'Kubernetes has deprecated it; use iptables'],
  ['userspace', 'Kubernetes has removed it; use iptables'],
  ['kernelspace', 'it belongs to Windows'],
]);

/**
 * The mode that a word names, or undefined when it names none.
 * @throws NodeplaneError `NP-CONFIG-003` when it is a mode of kube-proxy that nodeplane does not offer.
 */
export function readMode(word: string): Mode | undefined {
  const reason = refusals.get(word);
  if (reason !== undefined) throw new NodeplaneError('NP-CONFIG-003', { what: `mode ${word}`, reason });
  return modes.find((mode) => mode === word);
}
