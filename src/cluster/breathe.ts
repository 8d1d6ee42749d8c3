import { setImmediate as nextTurn } from 'node:timers/promises';

/** Lets other work of the process run when the caller has been busy for too long; cheap to call often. */
export type Breathe = () => Promise<void> | undefined;

/** `busyMs`: for how many milliseconds the event loop may be held. */
export function createBreathe(busyMs = 10): Breathe {
  let since = performance.now();
  return () => {
    if (performance.now() - since < busyMs) return undefined;
    return nextTurn().then(() => {
      since = performance.now();
    });
  };
}
