import { setImmediate } from 'node:timers/promises';

/** How long the event loop may be held at a stretch; probes and signals wait no longer than this. */
const sliceMilliseconds = 8;

/** Runs a computation of the pure rooms to its end and lets the event loop turn every few milliseconds. */
export async function paced<T>(computation: Generator<undefined, T>): Promise<T> {
  let sliceEnd = performance.now() + sliceMilliseconds;
  for (;;) {
    const step = computation.next();
    if (step.done === true) return step.value;
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    sliceEnd = performance.now() + sliceMilliseconds;
  }
}

/** Runs it in one go: for tests and small input. */
export function finish<T>(computation: Generator<undefined, T>): T {
  for (;;) {
    const step = computation.next();
    if (step.done === true) return step.value;
  }
}
