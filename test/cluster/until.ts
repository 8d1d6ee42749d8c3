import { setTimeout } from 'node:timers/promises';

/**
 * Asks again and again until the answer is yes; `what` is asked when it does not come. What `done` throws is thrown on at once.
 * @throws Error that tells what did not come within the time.
 */
export async function until(
  what: () => string,
  milliseconds: number,
  done: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`not within ${milliseconds / 1000} s: ${what()}`);
    await setTimeout(50);
  }
}
