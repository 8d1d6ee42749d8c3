import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/manual-clock.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

/** Lets every promise that can settle do so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

interface Run {
  readonly at: number;
  succeed(): Promise<void>;
  fail(): Promise<void>;
}

function setUp(options: Partial<SchedulerOptions> = {}) {
  const clock = new ManualClock();
  const runs: Run[] = [];
  const state = { active: 0, most: 0 };
  const run = () =>
    new Promise<void>((resolve, reject) => {
      state.active += 1;
      state.most = Math.max(state.most, state.active);
      const end = async (settle: () => void) => {
        state.active -= 1;
        settle();
        await settled();
      };
      runs.push({
        at: clock.now(),
        succeed: () => end(resolve),
        fail: () => end(() => reject(new Error('refused'))),
      });
    });
  const scheduler = new Scheduler({
    run,
    minPeriodMilliseconds: 1000,
    retryMilliseconds: 2000,
    retryMaximum: 30_000,
    clock,
    random: () => 0,
    ...options,
  });
  const last = () => {
    const one = runs.at(-1);
    if (one === undefined) throw new Error('nothing has run');
    return one;
  };
  return { clock, runs, state, scheduler, last, starts: () => runs.map(({ at }) => at) };
}

describe('1. runs never overlap', () => {
  it('whatever is requested while one is under way', async () => {
    const { clock, runs, state, scheduler, last } = setUp({ minPeriodMilliseconds: 0 });
    scheduler.request();
    for (let count = 0; count < 5; count++) {
      scheduler.request();
      await clock.pass(10_000);
    }
    expect(runs).toHaveLength(1);
    await last().succeed();
    scheduler.request();
    expect(runs).toHaveLength(2);
    expect(state.most).toBe(1);
  });
});

describe('2. at least the rest between the end of one and the start of the next', () => {
  it('counted from the end, however long the run took', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    await clock.pass(5000);
    scheduler.request();
    await last().succeed();
    await clock.pass(999);
    expect(starts()).toEqual([0]);
    await clock.pass(1);
    expect(starts()).toEqual([0, 6000]);
  });

  it('also when the request comes after the end', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    await last().succeed();
    await clock.pass(400);
    scheduler.request();
    await clock.pass(5000);
    expect(starts()).toEqual([0, 1000]);
  });
});

describe('3. the first request after a quiet time runs at once, those in between become one run', () => {
  it('at once: without waiting for a timer', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    expect(starts()).toEqual([0]);
    await last().succeed();
    await clock.pass(60_000);
    expect(starts()).toEqual([0]);
    scheduler.request();
    expect(starts()).toEqual([0, 60_000]);
  });

  it('one run for all requests during a run and the rest after it', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    for (let count = 0; count < 3; count++) scheduler.request();
    await last().succeed();
    for (let count = 0; count < 3; count++) {
      await clock.pass(200);
      scheduler.request();
    }
    await clock.pass(400);
    expect(starts()).toEqual([0, 1000]);
    await last().succeed();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 1000]);
    expect(clock.waiting).toBe(0);
  });
});

describe('4. a failed run is tried again', () => {
  it('unasked, after waits that double up to the maximum', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    for (let count = 0; count < 6; count++) {
      await last().fail();
      await clock.pass(30_000);
    }
    // Each failure happened at a multiple of 30 s.
    const waits = starts()
      .slice(1)
      .map((at, index) => at - index * 30_000);
    expect(waits).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('after a wait that is spread by up to a half', async () => {
    for (const [random, wait] of [
      [0, 2000],
      [0.5, 2500],
      [1, 3000],
    ] as const) {
      const { clock, scheduler, last, starts } = setUp({ random: () => random });
      scheduler.request();
      await last().fail();
      await clock.pass(60_000);
      expect(starts()).toEqual([0, wait]);
    }
  });

  it('never before the least rest, also when the wait is shorter', async () => {
    const { clock, scheduler, last, starts } = setUp({ retryMilliseconds: 10 });
    scheduler.request();
    await last().fail();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 1000]);
  });

  it('at the end of the least rest when something new is requested', async () => {
    const { clock, scheduler, last, starts } = setUp({ retryMilliseconds: 20_000 });
    scheduler.request();
    await last().fail();
    await clock.pass(300);
    scheduler.request();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 1000]);
  });

  it('with the first wait again after a success', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    await last().fail();
    await clock.pass(2000);
    await last().fail();
    await clock.pass(4000);
    await last().succeed();
    await clock.pass(94_000);
    scheduler.request();
    await last().fail();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 2000, 6000, 100_000, 102_000]);
  });
});

describe('stop', () => {
  it('waits for the run under way and starts no other', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    scheduler.request();
    let stopped = false;
    const stopping = scheduler.stop().then(() => {
      stopped = true;
    });
    await settled();
    expect(stopped).toBe(false);
    await last().succeed();
    await stopping;
    scheduler.request();
    await clock.pass(60_000);
    expect(starts()).toEqual([0]);
    expect(clock.waiting).toBe(0);
  });

  it('cancels a retry that was waiting', async () => {
    const { clock, scheduler, last, starts } = setUp();
    scheduler.request();
    await last().fail();
    expect(clock.waiting).toBe(1);
    await scheduler.stop();
    expect(clock.waiting).toBe(0);
    await clock.pass(60_000);
    expect(starts()).toEqual([0]);
  });
});

describe('4. a request during a run that fails', () => {
  it('waits for the least rest, not for the retry', async () => {
    const { clock, scheduler, last, starts } = setUp({ retryMilliseconds: 20_000 });
    scheduler.request();
    scheduler.request();
    await last().fail();
    await clock.pass(1000);
    expect(starts()).toEqual([0, 1000]);
  });
});

describe('2. without a set rest', () => {
  it.each([
    [0, 20],
    [300, 300],
    [5000, 1000],
  ])('a run of %i ms is followed by a rest of %i ms', async (took, rest) => {
    const { clock, scheduler, last, starts } = setUp({ minPeriodMilliseconds: undefined });
    scheduler.request();
    await clock.pass(took);
    scheduler.request();
    await last().succeed();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, took + rest]);
  });

  it('steady requests get a tenth of the time, but for a second of credit, which comes back', async () => {
    const clock = new ManualClock();
    const starts: number[] = [];
    let steady = true;
    const run = () =>
      new Promise<void>((resolve) => {
        starts.push(clock.now());
        if (steady) clock.after(1, () => scheduler.request());
        clock.after(50, resolve);
      });
    const scheduler = new Scheduler({
      run,
      minPeriodMilliseconds: undefined,
      retryMilliseconds: 2000,
      retryMaximum: 30_000,
      clock,
      random: () => 0,
    });
    const between = (from: number, to: number) => starts.filter((at) => at >= from && at < to).length;
    scheduler.request();
    await clock.pass(20_000, settled);
    // 50 ms of every 100 at first, then 50 of every 550.
    expect(between(0, 2000)).toBe(20);
    expect(between(10_000, 20_000)).toBe(18);
    steady = false;
    await clock.pass(20_000, settled);
    steady = true;
    scheduler.request();
    await clock.pass(2000, settled);
    expect(between(40_000, 42_000)).toBe(20);
  });

  it('a failed run is followed by a second, also when something new is requested', async () => {
    const { clock, scheduler, last, starts } = setUp({ minPeriodMilliseconds: undefined });
    scheduler.request();
    scheduler.request();
    await last().fail();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 1000]);
  });

  it('one that is set later holds from the next end on', async () => {
    const { clock, scheduler, last, starts } = setUp({ minPeriodMilliseconds: undefined });
    scheduler.request();
    scheduler.request();
    scheduler.retime({ minPeriodMilliseconds: 7000, retryMaximum: 30_000 });
    await last().succeed();
    await clock.pass(60_000);
    expect(starts()).toEqual([0, 7000]);
  });
});
