import type { Family } from '../../src/model/address.ts';
import type { Node } from '../../src/model/node.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import type { Happening, SyncReport } from '../../src/observe/happening.ts';

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

const none = { total: 0, written: 0 };

/** A sync that went well, unless `more` says otherwise. */
export function endedSync(family: Family, more: Partial<SyncReport> = {}): Happening {
  return {
    kind: 'sync-ended',
    family,
    full: false,
    partialFailed: false,
    milliseconds: 5,
    error: undefined,
    snapshot: emptySnapshot('node-a'),
    cost: { steps: 0, lines: 0, bytes: 0 },
    servicePorts: 0,
    rules: { mangle: none, filter: none, nat: none },
    quarantined: [],
    withoutLocalEndpoints: { internal: 0, external: 0 },
    triggeredAt: [],
    ...more,
  };
}

export function heardSnapshot(snapshot: Snapshot): Happening {
  return { kind: 'snapshot-heard', snapshot, services: 0, slices: 0 };
}
