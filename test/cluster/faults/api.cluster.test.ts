import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { FaultBed } from './bed.ts';
import { tellRow } from './fault-table.ts';

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
    const converged = await bed.converged();
    const tally = await traffic.stop();
    tellRow({ fault: 'API server killed (SIGKILL), back after 5 s', tally, converged });
    expect(tally).toMatchObject({ failed: [], broken: [] });
  });
}
