import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';
import { systemClock as observersClock } from './observe/clock.ts';

const hour = 3_600_000;

describe.each([
  ['the clock', systemClock],
  ["the observers' clock", observersClock],
])('%s', (_, clock) => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  // syncPeriod: 720h was a timer of one millisecond, again and again.
  test('does not take a wait of 30 days for one of a millisecond', () => {
    const called = vi.fn<() => void>();
    clock.after(720 * hour, called);
    vi.advanceTimersByTime(24 * 24 * hour);
    expect(called).not.toHaveBeenCalled();
    vi.advanceTimersByTime(24 * hour);
    expect(called).toHaveBeenCalledOnce();
  });

  test('does not call back after it was cancelled', () => {
    const called = vi.fn<() => void>();
    clock.after(10, called)();
    vi.advanceTimersByTime(hour);
    expect(called).not.toHaveBeenCalled();
  });
});
