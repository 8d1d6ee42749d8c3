import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Bed, tell } from './bed.ts';
import { dual } from './objects.ts';
import { SteadyTraffic } from './traffic.ts';

/** A watch that was cut off is retried after 30 s at most; after some seconds of failures it is some seconds. */
const followedMilliseconds = 45_000;

interface Absence {
  readonly name: string;
  readonly begin: (bed: Bed) => Promise<void>;
  readonly end: (bed: Bed) => Promise<void>;
}

const absences: readonly Absence[] = [
  {
    name: 'killed, nobody listens',
    begin: ({ api }) => api.network('refuse'),
    end: ({ api }) => api.network('up'),
  },
  {
    name: 'reached, but silent',
    begin: ({ api }) => api.network('silent'),
    end: async ({ api }) => {
      await api.network('up');
      // Those that were taken meanwhile have never been served.
      await api.tell({ do: 'cut' });
    },
  },
  {
    name: 'stopped with its connections open',
    begin: ({ api }) => api.pause(),
    end: ({ api }) => api.resume(),
  },
];

describe('promise 5: the API server vanishes', () => {
  let bed: Bed;
  afterEach(async () => bed.close());

  async function open(): Promise<void> {
    const stable = dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] });
    bed = await Bed.open({ objects: [...stable, ...dual({ name: 'other', vip: 2, pods: ['p1'] })] });
    await bed.start();
    await bed.untilServed(2, ['p1']);
  }
  const lists = () => bed.agent.metric('nodeplane_source_lists_total');

  it.each(absences)(
    '$name: rules and /livez stay, what changed is followed without hearing all anew',
    async (absence) => {
      await open();
      const traffic = await SteadyTraffic.start(bed.world, [1]);
      const before = await lists();
      await absence.begin(bed);
      const changed = bed.api.put(...dual({ name: 'other', vip: 2, pods: ['p2'] }));
      for (let times = 0; times < 8; times++) {
        expect((await bed.agent.health('/livez')).status).toBe(200);
        expect((await bed.agent.health('/healthz')).status).toBe(200);
        expect(await bed.answers(2)).toBe('p1');
        await setTimeout(300);
      }
      await absence.end(bed);
      await changed;
      const followed = await bed.untilServed(2, ['p2'], followedMilliseconds);
      expect(await lists()).toBe(before);
      const { failed, broken, answered } = await traffic.stop();
      tell(`API server ${absence.name}`, {
        followedMs: Math.round(followed),
        answered,
        failed: failed.length,
      });
      expect([failed, broken]).toEqual([[], []]);
      await bed.untilConverged();
    },
  );

  it('comes back without the versions in between: all is heard anew, and nothing is lost', async () => {
    await open();
    const before = await lists();
    await bed.api.network('refuse');
    await bed.api.put(...dual({ name: 'other', vip: 2, pods: ['p3'] }));
    await bed.api.tell({ do: 'compact' });
    await bed.api.network('up');
    const followed = await bed.untilServed(2, ['p3'], followedMilliseconds);
    tell('API server back, versions forgotten', { followedMs: Math.round(followed) });
    expect(await lists()).toBeGreaterThan(before);
    await bed.untilConverged();
  });
});
