import { printable } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import { entries, get, type ImmutableMap, immutableMap } from '../model/immutable-map.ts';
import { objectKey } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Lack } from '../rules/iptables/layout/supported.ts';
import type { Quarantine } from './quarantine.ts';
import type { Refusal } from './refusal.ts';

const lacking = {
  recent: {
    code: 'NP-OBJECT-007',
    field: 'spec.sessionAffinity',
    reason: 'the kernel lacks the match recent',
  },
  sctp: { code: 'NP-OBJECT-008', field: undefined, reason: 'the kernel lacks the match sctp' },
} as const;

/** What keeps rules of a family from being as the objects ask for. */
export function ruleFindings(
  snapshot: Snapshot,
  quarantine: Quarantine,
  lacks: ImmutableMap<Lack> = immutableMap<Lack>(),
): readonly Finding[] {
  const refused = Array.from(quarantine, ([key, { reason }]) => {
    const { object, field, uid } = portOf(snapshot, key);
    return { code: 'NP-OBJECT-006', object, field, ...uid, reason: words(reason) } as const;
  });
  const poorer = Array.from(entries(lacks), ([key, lack]) => {
    const { object, field, uid } = portOf(snapshot, key);
    const { code, reason, field: named = field } = lacking[lack];
    return { code, object, field: named, ...uid, reason };
  });
  return [...refused, ...poorer];
}

function portOf(snapshot: Snapshot, key: string) {
  const found = get(snapshot.servicePorts, key);
  if (found === undefined)
    return { object: `Service ${key.replace(/[:/][^:/]*\/\w+$/, '')}`, field: '', uid: {} };
  const { service, port } = found;
  const at = service.ports.findIndex(
    ({ name, protocol }) => name === port.name && protocol === port.protocol,
  );
  const uid = service.uid === undefined ? {} : { uid: service.uid };
  return { object: `Service ${objectKey(service)}`, field: `spec.ports[${at}]`, uid };
}

const longestText = 200;

/** The same each time the same is refused, so without numbers of lines. */
function words({ error }: Refusal): string {
  const { refused, message } = error;
  const text = refused === undefined ? message : `${refused.reason}: ${refused.text}`;
  const line = printable(text);
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line;
}
