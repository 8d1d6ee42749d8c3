import type { Family } from './address.ts';
import { equal } from './equal.ts';
import { differences, values } from './immutable-map.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * When the changes of the family's slices between two snapshots of one history were triggered, in milliseconds since 1970: one time
 * for each slice that is new or has other ports or endpoints and tells the time. Slices that are gone do not count: what they tell is
 * older than their end. `before` undefined: all slices count. Costs what changed. As kube-proxy's EndpointsChangeTracker.
 */
export function triggeredAt(
  before: Snapshot | undefined,
  after: Snapshot,
  family: Family,
): readonly number[] {
  const times: number[] = [];
  for (const slice of changedSlices(before, after)) {
    if (slice.family === family && slice.lastChangeTriggerTime !== undefined)
      times.push(slice.lastChangeTriggerTime);
  }
  return times;
}

function* changedSlices(before: Snapshot | undefined, after: Snapshot) {
  if (before === undefined) {
    yield* values(after.slices);
    return;
  }
  for (const { before: old, after: slice } of differences(before.slices, after.slices)) {
    if (slice === undefined) continue;
    if (!equal(old?.ports, slice.ports) || old?.serviceName !== slice.serviceName) yield slice;
  }
}
