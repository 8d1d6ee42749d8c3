import { describe, expect, it } from 'vitest';
import { slopeOf, trendOf } from './samples.ts';

const at = (minutes: number, residentMb: number) => ({ minutes, residentMb, heapMb: 0, fds: 0, children: 0 });

describe('the trend of a figure', () => {
  it('is its slope by least squares', () => {
    expect(
      slopeOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toBeCloseTo(2);
    expect(
      slopeOf([
        [0, 4],
        [1, 2],
        [2, 4],
        [3, 2],
      ]),
    ).toBeCloseTo(-0.4);
    expect(slopeOf([[1, 7]])).toBe(0);
  });

  it('tells a leak from a saw tooth', () => {
    const times = Array.from({ length: 60 }, (_, index) => index / 6);
    const tooth = trendOf(
      times.map((minutes) => at(minutes, 50 + ((minutes * 6) % 7))),
      (each) => each.residentMb,
    );
    expect(Math.abs(tooth.rise)).toBeLessThan(2);
    expect(tooth.last).toBe(tooth.first);
    const leak = trendOf(
      times.map((minutes) => at(minutes, 50 + 2 * minutes + ((minutes * 6) % 7))),
      (each) => each.residentMb,
    );
    expect(leak.rise).toBeGreaterThan(18);
    expect(leak.last - leak.first).toBeGreaterThan(10);
  });
});
