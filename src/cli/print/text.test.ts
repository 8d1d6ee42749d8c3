import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aligned, counted, shortened, wrap } from './text.ts';

describe('counted', () => {
  it('has one and many', () => {
    expect([0, 1, 2].map((count) => counted(count, 'rule'))).toEqual(['0 rules', '1 rule', '2 rules']);
  });
});

describe('shortened', () => {
  it('names the first and counts the rest', () => {
    expect(shortened(['a', 'b', 'c'], 1)).toBe('a +2 more');
    expect(shortened(['a', 'b'], 2)).toBe('a, b');
    expect(shortened([], 1)).toBe('');
  });
});

describe('wrap', () => {
  it('keeps line feeds and lets long words stand', () => {
    expect(wrap('a bb ccc\n\ndddddddd e', 4)).toEqual(['a bb', 'ccc', '', 'dddddddd', 'e']);
  });

  it('loses no word and keeps the width where words allow it', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (list, width) => {
        const lines = wrap(list.join(' '), width);
        expect(lines.join(' ').split(' ')).toEqual(list);
        for (const line of lines) expect(line.length <= width || !line.includes(' ')).toBe(true);
      }),
    );
  });
});

describe('aligned', () => {
  it('pads columns to their widest cell, up to the cap', () => {
    const rows = [
      ['a', 'x', 'one'],
      ['bbb', 'yy', 'two'],
      ['a very long name', 'z', 'three'],
      ['c', '', ''],
    ];
    expect(aligned(rows, [5, 5])).toEqual([
      'a    x   one',
      'bbb  yy  two',
      'a very long name  z   three',
      'c',
    ]);
    expect(aligned([], [5])).toEqual([]);
  });
});
