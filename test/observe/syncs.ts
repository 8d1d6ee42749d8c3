import type { Family } from '../../src/model/address.ts';
import type { Node } from '../../src/model/node.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import type { Happening, SyncReport } from '../../src/observe/happening.ts';
import { syncEnded } from './happenings.ts';

/** A cluster of which only the Node is known; undefined: not even that. */
export function snapshotWith(node: Partial<Node> | undefined): Snapshot {
  const empty = emptySnapshot('node-a');
  if (node === undefined) return empty;
  const plain = {
    name: 'node-a',
    zone: undefined,
    addresses: [],
    podCIDRs: [],
    deleting: false,
    taintKeys: [],
  };
  return { ...empty, node: { ...plain, ...node } };
}

/** A sync that went well, unless `more` says otherwise. */
export function endedSync(family: Family, more: Partial<SyncReport> = {}): Happening {
  const snapshot = emptySnapshot('node-a');
  return syncEnded({ family, full: false, milliseconds: 5, snapshot, servicePorts: 0, ...more });
}

export function heardSnapshot(snapshot: Snapshot): Happening {
  return { kind: 'snapshot-heard', snapshot, services: 0, slices: 0 };
}
