import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differences, entries, get, immutableMap, sortedKeys, values, withEntries } from './immutable-map.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);
/** Few keys, so that they meet; names that plain objects would trip over among them. */
const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', '__proto__', 'constructor', 'hasOwnProperty'),
  fc.string(),
);
const edit = fc.tuple(key, fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }));
const edits = fc.array(edit, { maxLength: 40 });

function plain(
  before: ReadonlyMap<string, number>,
  changes: readonly (readonly [string, number | undefined])[],
) {
  const map = new Map(before);
  for (const [name, value] of changes) {
    if (value === undefined) map.delete(name);
    else map.set(name, value);
  }
  return map;
}

describe('an immutable map', () => {
  it('does as a Map does, and the old one stays', () => {
    fc.assert(
      fc.property(edits, edits, (first, second) => {
        const one = withEntries(immutableMap<number>(), first);
        const two = withEntries(one, second);
        const [plainOne, plainTwo] = [plain(new Map(), first), plain(plain(new Map(), first), second)];
        for (const [map, expected] of [
          [one, plainOne],
          [two, plainTwo],
        ] as const) {
          expect(new Map(entries(map))).toEqual(expected);
          expect(map.size).toBe(expected.size);
          expect(sortedKeys(map)).toEqual([...expected.keys()].sort());
          const byNumber = (a: number, b: number) => a - b;
          expect([...values(map)].sort(byNumber)).toEqual([...expected.values()].sort(byNumber));
          for (const name of expected.keys()) expect(get(map, name)).toBe(expected.get(name));
        }
        expect(get(two, 'never a key')).toBeUndefined();
      }),
      { seed, numRuns: 300 },
    );
  });

  it('tells exactly the differences', () => {
    fc.assert(
      fc.property(edits, edits, (first, second) => {
        const one = withEntries(immutableMap<number>(), first);
        const two = withEntries(one, second);
        const names = new Set([...sortedKeys(one), ...sortedKeys(two)]);
        const expected = [...names]
          .map((name) => ({ key: name, before: get(one, name), after: get(two, name) }))
          .filter(({ before, after }) => before !== after);
        const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
        expect([...differences(one, two)].sort(byKey)).toEqual(expected.sort(byKey));
      }),
      { seed, numRuns: 300 },
    );
  });

  it('is itself when nothing differs', () => {
    const map = immutableMap([
      ['a', 1],
      ['b', 2],
    ]);
    expect(withEntries(map, [['a', 1]])).toBe(map);
    expect(withEntries(map, [['c', undefined]])).toBe(map);
    expect(withEntries(map, [])).toBe(map);
  });

  it('shares every bucket without a change', () => {
    const map = immutableMap(
      Array.from({ length: 10_000 }, (_, index) => [`default/service-${index}`, index]),
    );
    const changed = withEntries(map, [['default/service-7', -1]]);
    expect(changed.buckets.filter((bucket, index) => bucket !== map.buckets[index])).toHaveLength(1);
  });

  it('spreads names of services over its buckets', () => {
    const names = Array.from(
      { length: 10_000 },
      (_, index) => [`ns-${index % 100}/service-${index}`, index] as const,
    );
    const sizes = immutableMap(names).buckets.map((bucket) => bucket.size);
    expect(Math.max(...sizes)).toBeLessThan(40);
  });
});
