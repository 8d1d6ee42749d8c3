import type { Clock } from '../../clock.ts';
import type { BackoffTimes } from './times.ts';

/** How long to wait after each failure of a row. */
export interface Backoff {
  /**
   * Takes a failure down. `askedMilliseconds`: what the server asked us to wait at least. `heldMilliseconds`: how long all went well
   * before; past the longest wait the row begins anew, since then the wait is not what keeps us from asking often.
   * `first`: nothing failed in the time before.
   */
  fail(
    askedMilliseconds: number,
    heldMilliseconds?: number,
  ): { readonly milliseconds: number; readonly first: boolean };
}

/** Exponential with jitter 1.0, as client-go's `wait.Backoff`; `random` gives 0 to 1. */
export function createBackoff(times: BackoffTimes, clock: Clock, random: () => number): Backoff {
  let failures = 0;
  let quietSince = Number.NEGATIVE_INFINITY;
  return {
    fail: (askedMilliseconds, heldMilliseconds = 0) => {
      const first = clock.now() - quietSince >= times.reset;
      if (first || heldMilliseconds >= times.most) failures = 0;
      const base = Math.min(times.most, times.first * 2 ** failures);
      const asked = Math.min(askedMilliseconds, times.mostAsked);
      const milliseconds = Math.max(base * (1 + random()), asked);
      failures += 1;
      // The wait itself is no time in which all went well.
      quietSince = clock.now() + milliseconds;
      return { milliseconds, first };
    },
  };
}
