import { describe, expect, it } from 'vitest';
import { finish, paced } from './pace.ts';

/** Holds the processor for some milliseconds between two yields. */
function* work(steps: number, milliseconds: number): Generator<undefined, string> {
  for (let step = 0; step < steps; step++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield;
  }
  return 'done';
}

describe('paced', () => {
  it('lets the event loop turn while it computes', async () => {
    let turns = 0;
    const count = () => {
      turns += 1;
      pending = setImmediate(count);
    };
    let pending = setImmediate(count);
    expect(await paced(work(20, 4))).toBe('done');
    clearImmediate(pending);
    // 80 ms of work in slices of 8: about ten turns, on a busy machine more.
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('is over in one go when there is little to do', async () => {
    let turned = false;
    const pending = setImmediate(() => {
      turned = true;
    });
    expect(await paced(work(3, 0))).toBe('done');
    expect(turned).toBe(false);
    clearImmediate(pending);
  });

  it('rejects with what the computation throws', async () => {
    const failing = function* (): Generator<undefined, string> {
      yield;
      throw new Error('no way');
    };
    await expect(paced(failing())).rejects.toThrow('no way');
  });
});

describe('finish', () => {
  it('gives the result without a turn of the event loop', () => {
    expect(finish(work(3, 0))).toBe('done');
  });
});
