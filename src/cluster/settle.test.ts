import { describe, expect, it } from 'vitest';
import { judge, type Look, type Waiting } from './settle.ts';

const times = { settle: 100, grace: 1000, patience: 2000 };

/** Looks at a file at the given times, as the source does, until it is to be read. */
function readAt(looks: readonly (readonly [number, Look])[]): number | undefined {
  let waiting: Waiting | undefined;
  for (const [now, look] of looks) {
    const verdict = judge('old', waiting, look, { now, times });
    if (verdict.kind === 'read') return now;
    waiting = verdict.kind === 'wait' ? verdict.waiting : undefined;
  }
  return undefined;
}

const old = { stamp: 'old', empty: false };
const written = { stamp: 'written', empty: false };
const truncated = { stamp: 'truncated', empty: true };
const gone = { stamp: '', empty: true };

describe('judge', () => {
  it('reads a file once it is still', () => {
    expect(judge('old', undefined, written, { now: 5, times })).toEqual({
      kind: 'wait',
      waiting: { stamp: 'written', since: 5, first: 5 },
      inMs: 100,
    });
    expect(
      readAt([
        [0, written],
        [99, written],
        [100, written],
      ]),
    ).toBe(100);
    expect(
      readAt([
        [0, { ...written, stamp: 'half' }],
        [90, written],
        [110, written],
        [190, written],
      ]),
    ).toBe(190);
  });

  it('gives an empty or vanished file time to come back', () => {
    expect(
      readAt([
        [0, gone],
        [999, gone],
        [1000, gone],
      ]),
    ).toBe(1000);
    expect(
      readAt([
        [0, truncated],
        [999, truncated],
        [1000, truncated],
      ]),
    ).toBe(1000);
    expect(
      readAt([
        [0, gone],
        [500, truncated],
        [1000, truncated],
        [1499, truncated],
        [1500, truncated],
      ]),
    ).toBe(1500);
    expect(
      readAt([
        [0, gone],
        [500, written],
        [600, written],
      ]),
    ).toBe(600);
    expect(
      readAt([
        [0, gone],
        [500, old],
        [5000, old],
      ]),
    ).toBeUndefined();
  });

  it('does not wait for ever for a writer without pause', () => {
    const looks = Array.from(
      { length: 100 },
      (_, index) => [index * 50, { stamp: `${index}`, empty: false }] as const,
    );
    expect(readAt(looks)).toBe(2000);
  });
});
