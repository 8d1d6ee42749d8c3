import { describe, expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';
import { reflectorTimes } from './times.ts';

function backoffAt(random: number) {
  const time = { now: 0 };
  const clock = { now: () => time.now, after: () => () => undefined };
  const backoff = createBackoff(reflectorTimes.backoff, clock, () => random);
  const fail = (asked = 0, held = 0) => {
    const failure = backoff.fail(asked, held);
    time.now += failure.milliseconds;
    return failure;
  };
  return { fail, time };
}

describe('createBackoff', () => {
  it('doubles from 0.8 s to 30 s', () => {
    const { fail } = backoffAt(0);
    expect(Array.from({ length: 8 }, () => fail().milliseconds)).toEqual([
      800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
  });

  it('spreads each up to its double', () => {
    const { fail } = backoffAt(0.5);
    expect([fail(), fail()].map(({ milliseconds }) => milliseconds)).toEqual([1200, 2400]);
  });

  it('begins anew after two minutes without a failure, of which the wait itself is none', () => {
    const { fail, time } = backoffAt(0);
    expect(fail(300_000)).toEqual({ milliseconds: 300_000, first: true });
    expect(fail()).toEqual({ milliseconds: 1600, first: false });
    time.now += 119_999;
    expect(fail()).toEqual({ milliseconds: 3200, first: false });
    time.now += 120_000;
    expect(fail()).toEqual({ milliseconds: 800, first: true });
  });

  it('waits briefly after each of many failures that come after half a minute of health', () => {
    const { fail, time } = backoffAt(0);
    fail();
    for (let count = 0; count < 5; count++) {
      time.now += 50_000;
      expect(fail(0, 50_000)).toEqual({ milliseconds: 800, first: false });
    }
    expect(fail(0, 29_000).milliseconds).toBe(1600);
  });

  it('waits as long as the server asks, up to five minutes', () => {
    const { fail } = backoffAt(0);
    expect(fail(7000).milliseconds).toBe(7000);
    expect(fail(1e12).milliseconds).toBe(300_000);
  });
});
