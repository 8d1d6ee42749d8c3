import { emptySnapshot } from '../../src/model/snapshot.ts';
import type { Happening, SyncReport } from '../../src/observe/happening.ts';

/** Of a snapshot of its own each time. */
export function snapshotHeard(
  services: number,
  slices: number,
): Extract<Happening, { kind: 'snapshot-heard' }> {
  return { kind: 'snapshot-heard', snapshot: emptySnapshot('node-1'), services, slices };
}

/** A full sync of IPv4 that wrote nothing and succeeded, unless said otherwise. */
export function syncEnded(more: Partial<SyncReport> = {}): Extract<Happening, { kind: 'sync-ended' }> {
  const unchanged = { total: 0, written: 0 };
  return {
    kind: 'sync-ended',
    family: 'IPv4',
    full: true,
    partialFailed: false,
    milliseconds: 12,
    error: undefined,
    snapshot: emptySnapshot('node-1'),
    cost: { steps: 0, lines: 0, bytes: 0 },
    servicePorts: 3,
    rules: { mangle: unchanged, filter: unchanged, nat: unchanged },
    quarantined: [],
    withoutLocalEndpoints: { internal: 0, external: 0 },
    triggeredAt: [],
    ...more,
  };
}
