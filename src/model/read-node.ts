import { isDnsSubdomain, isLabelValue } from './names.ts';
import type { Node } from './node.ts';
import { printable } from './printable.ts';
import { at, type Field, itemsAt, recordAt, recordsAt, textAt } from './read.ts';
import { addressesIn, cidrsIn } from './read-address.ts';
import { labelOf, type Named, type Notes, type Read, readObject } from './read-object.ts';

const zoneLabel = 'topology.kubernetes.io/zone';

/** A Node (v1) from the JSON of the Kubernetes API. Never throws. */
export function readNode(raw: unknown): Read<Node> {
  return readObject(
    {
      kind: 'Node',
      namespaced: false,
      isName: isDnsSubdomain,
      nameRule: 'a DNS subdomain of at most 253 characters',
      build,
    },
    raw,
  );
}

function build(object: Named, notes: Notes): Node {
  const { name, root, metadata } = object;
  const spec = recordAt(root, 'spec', notes.refuse);
  return {
    name,
    zone: readZone(object, notes),
    addresses: readAddresses(root, notes),
    podCIDRs: readPodCIDRs(spec, notes),
    deleting: at(metadata, 'deletionTimestamp').value !== undefined,
    taintKeys: recordsAt(spec, 'taints', notes.leaveOut)
      .map((taint) => textAt(taint, 'key', notes.leaveOut))
      .filter((key) => key !== undefined),
  };
}

function readZone(object: Named, { leaveOut }: Notes): string | undefined {
  const zone = labelOf(object, zoneLabel);
  if (zone === undefined || zone === '') return undefined;
  if (isLabelValue(zone)) return zone;
  leaveOut(at(object.labels, zoneLabel), `must be the value of a label, is ${printable(zone)}`);
  return undefined;
}

/** InternalIP first, then ExternalIP, as kube-proxy prefers them; host names are no addresses. */
function readAddresses(root: Field, { leaveOut }: Notes): readonly string[] {
  const entries = recordsAt(recordAt(root, 'status', leaveOut), 'addresses', leaveOut);
  const fields = ['InternalIP', 'ExternalIP'].flatMap((type) =>
    entries.filter((entry) => at(entry, 'type').value === type).map((entry) => at(entry, 'address')),
  );
  return addressesIn(fields, leaveOut);
}

/** `podCIDRs`, or the older `podCIDR` when that is absent. */
function readPodCIDRs(spec: Field, { leaveOut }: Notes): readonly string[] {
  const listed = itemsAt(spec, 'podCIDRs', leaveOut);
  const single = at(spec, 'podCIDR');
  if (listed.length > 0 || single.value === undefined || single.value === '')
    return cidrsIn(listed, leaveOut);
  return cidrsIn([single], leaveOut);
}
