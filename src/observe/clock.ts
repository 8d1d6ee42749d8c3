import { longestTimer, type Clock as Monotonic } from '../clock.ts';

/** The agent's clock with a date to show; its timers do not keep the process alive. */
export interface Clock extends Monotonic {
  /** Milliseconds since 1970. */
  date(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.min(milliseconds, longestTimer)).unref();
    return () => clearTimeout(timer);
  },
};
