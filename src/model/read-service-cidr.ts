import { isDnsSubdomain } from './names.ts';
import { itemsAt, recordAt } from './read.ts';
import { cidrsIn } from './read-address.ts';
import { type Read, readObject } from './read-object.ts';

/** A ServiceCIDR (networking.k8s.io/v1): its canonical networks. Never throws. */
export function readServiceCIDR(raw: unknown): Read<readonly string[]> {
  return readObject(
    {
      kind: 'ServiceCIDR',
      namespaced: false,
      isName: isDnsSubdomain,
      nameRule: 'a DNS subdomain of at most 253 characters',
      build: ({ root }, { refuse, leaveOut }) =>
        cidrsIn(itemsAt(recordAt(root, 'spec', refuse), 'cidrs', leaveOut), leaveOut),
    },
    raw,
  );
}
