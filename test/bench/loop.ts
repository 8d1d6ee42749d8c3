import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Period of the monitor in milliseconds, which it counts in. */
const resolution = 1;

/** Runs something and tells for how many milliseconds it held the event loop at worst. */
export async function watchingLoop<T>(
  run: () => Promise<T>,
): Promise<{ readonly value: T; readonly longestBlock: number }> {
  const loop = monitorEventLoopDelay({ resolution });
  loop.enable();
  await delay(50);
  loop.reset();
  const value = await run();
  await delay(20);
  loop.disable();
  return { value, longestBlock: Math.max(0, loop.max / 1e6 - resolution) };
}
