import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { sumOf } from '../../faults/agent.ts';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { FaultBed } from './bed.ts';
import { createBurstServices, writeBurst } from './burst.ts';
import { healthyTally, tellRow } from './fault-table.ts';

const possible = await canMakeWorlds();

if (possible.ok) describe('faults of the control plane under traffic', faults);
else it('faults of the control plane under traffic', (context) => context.skip(possible.reason));

function faults(): void {
  let bed: FaultBed;

  beforeAll(async () => {
    bed = await FaultBed.open();
  });
  afterAll(() => bed?.close());
  beforeEach(() => onTestFailed(() => console.error(bed.cluster.lastWords(15))));

  it('the API server is killed and comes back', async () => {
    const { plane } = bed.cluster;
    const traffic = await bed.traffic();
    await plane.apiServer.stop('SIGKILL');
    await setTimeout(5000);
    plane.apiServer.start();
    await plane.ready();
    const converged = await bed.changed();
    const tally = await traffic.stop();
    tellRow({ fault: 'API server killed (SIGKILL), back after 5 s', tally, converged });
    expect(tally).toMatchObject(healthyTally);
  });

  it('the storage is compacted, so that watches get 410', async () => {
    const { plane, network } = bed.cluster;
    await bed.freshAgents();
    const traffic = await bed.traffic();
    const before = await lists(bed);
    await plane.apiServer.stop('SIGKILL');
    for (const node of bed.nodes) await network.cutOff(node, true);
    plane.apiServer.start();
    await plane.ready();
    await bed.change();
    await plane.storage.compact();
    // The next one knows no version from before its own start, and the storage has none either.
    await plane.restartApiServer('SIGKILL');
    const healed = performance.now();
    for (const node of bed.nodes) await network.cutOff(node, false);
    const converged = await bed.untilConverged(healed);
    const tally = await traffic.stop();
    const after = await lists(bed);
    const anew = `lists anew: ${after.map((count, index) => count - (before[index] ?? 0)).join(', ')}`;
    tellRow({ fault: 'storage compacted while all nodes were cut off (410)', tally, converged, notes: anew });
    expect(tally).toMatchObject(healthyTally);
    for (const [index, count] of after.entries()) expect(count).toBeGreaterThan(before[index] ?? 0);
  });

  it('etcd is paused', async () => {
    const { plane } = bed.cluster;
    const traffic = await bed.traffic();
    await plane.etcd.pause();
    const since = performance.now();
    const change = bed.change();
    const waited = await Promise.race([change, setTimeout(10_000, 'nothing yet')]);
    await plane.etcd.resume();
    const healed = performance.now();
    await change;
    const converged = await bed.untilConverged(healed);
    const tally = await traffic.stop();
    tellRow({ fault: 'etcd paused for 10 s', tally, converged });
    expect(waited).toBe('nothing yet');
    expect(performance.now() - since).toBeGreaterThan(10_000);
    expect(tally).toMatchObject(healthyTally);
  });

  it('2,000 endpoint changes come in a burst', async () => {
    const { plane } = bed.cluster;
    await createBurstServices(plane.api);
    await bed.changed();
    const traffic = await bed.traffic();
    const [syncsBefore, began] = [await syncs(bed), performance.now()];
    const changes = await writeBurst(plane.api, bed.backends);
    const written = performance.now();
    const converged = await bed.changed();
    const syncsAfter = await syncs(bed);
    const tally = await traffic.stop();
    const made = syncsAfter.map((count, index) => count - (syncsBefore[index] ?? 0));
    const seconds = ((written - began) / 1000).toFixed(1);
    const notes = `${changes} slices written in ${seconds} s; syncs of both families by node: ${made.join(', ')}`;
    tellRow({ fault: '2,000 endpoint changes in a burst', tally, converged, notes });
    expect(tally).toMatchObject(healthyTally);
    for (const count of made) expect(count).toBeLessThan(changes);
  });
}

/** Of each node's agent. */
async function sums(bed: FaultBed, metric: string): Promise<readonly number[]> {
  return Promise.all(bed.nodes.map(async (node) => sumOf(await bed.agent(node).metrics(), metric)));
}

function lists(bed: FaultBed): Promise<readonly number[]> {
  return sums(bed, 'nodeplane_source_lists_total');
}

function syncs(bed: FaultBed): Promise<readonly number[]> {
  return sums(bed, 'kubeproxy_sync_proxy_rules_duration_seconds_count');
}
