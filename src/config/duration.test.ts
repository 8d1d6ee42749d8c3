import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['30s', 30_000],
    ['1m0s', 60_000],
    ['2h22m', 8_520_000],
    ['1.5h', 5_400_000],
    ['32.035s', 32_035],
    ['.5s', 500],
    ['1.s', 1000],
    ['100ms', 100],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['250μs', 0.25],
    ['-1s', -1000],
    ['+1s', 1000],
    ['-0s', 0],
    ['1h1m1s1ms', 3_661_001],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    '',
    '1',
    '30',
    's',
    '.s',
    '1 s',
    ' 1s',
    '1s\n',
    '1d',
    '1S',
    '1e3s',
    '--1s',
    '1s-1s',
    '0x1s',
    '999999999h',
    '1'.repeat(400),
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [0.000001, '1ns'],
    [0.25, '250µs'],
    [1.5, '1.5ms'],
    [1500, '1.5s'],
    [30_000, '30s'],
    [60_000, '1m0s'],
    [3_600_000, '1h0m0s'],
    [86_400_000, '24h0m0s'],
    [-1000, '-1s'],
  ])('prints %d ms as Go does', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('is read back as the same duration', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 43), max: 2 ** 43 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds === 0 ? 0 : milliseconds);
      }),
    );
  });

  it('prints what was read in canonical form, which stays', () => {
    const unit = fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h');
    const parts = fc.array(fc.tuple(fc.nat(5000), unit), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, (list) => {
        const once = formatDuration(parseDuration(list.map((each) => each.join('')).join('')) ?? Number.NaN);
        expect(formatDuration(parseDuration(once) ?? Number.NaN)).toBe(once);
      }),
    );
  });
});
