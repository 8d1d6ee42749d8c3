import type { ObjectChange } from '../model/change.ts';
import { conflicts, noClaims, reviseClaims } from '../model/claims.ts';
import type { Finding } from '../model/finding.ts';
import { revise } from '../model/revise.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import type { Breathe } from './breathe.ts';
import type { Listener } from './source.ts';

/** Joins changes to snapshots and tells a listener of them; the end of every source. */
export interface Publisher {
  /** Takes changes in, a long row of them in steps. Nothing is told yet. */
  take(changes: readonly ObjectChange[], breathe: Breathe): Promise<void>;
  /** Tells what is new, findings first: `findings` of the source, to which those between objects are added. The first call tells the snapshot in any case. */
  tell(findings: readonly Finding[]): void;
}

/** So many changes are joined in a few milliseconds. */
const step = 500;

export function createPublisher(nodeName: string, listener: Listener): Publisher {
  let snapshot = emptySnapshot(nodeName);
  let claims = noClaims;
  let toldSnapshot: Snapshot | undefined;
  let toldFindings = '[]';
  return {
    take: async (changes, breathe) => {
      for (let first = 0; first < changes.length; first += step) {
        const before = snapshot;
        snapshot = revise(before, changes.slice(first, first + step));
        claims = reviseClaims(claims, before, snapshot);
        await breathe();
      }
    },
    tell: (found) => {
      const findings = sortFindings([...found, ...conflicts(claims), ...missingNode(snapshot)]);
      const text = JSON.stringify(findings);
      if (text !== toldFindings) {
        toldFindings = text;
        listener.findings(findings);
      }
      if (snapshot === toldSnapshot) return;
      toldSnapshot = snapshot;
      listener.snapshot(snapshot);
    },
  };
}

function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const keyed = findings.map((finding) => ({ finding, key: sortKey(finding) }));
  return keyed.sort((one, other) => (one.key < other.key ? -1 : 1)).map(({ finding }) => finding);
}

/** By object, field and code, then by reason so that the order is the same each time. */
function sortKey({ object, field, code, reason }: Finding): string {
  return [object, field, code, reason].join('\0');
}

function missingNode({ node, nodeName }: Snapshot): readonly Finding[] {
  if (node !== undefined) return [];
  const reason = 'no such Node object was seen';
  return [{ code: 'NP-OBJECT-005', object: `Node ${nodeName}`, field: '', reason }];
}
