import { describe, expect, it } from 'vitest';
import { isDnsLabel, isDnsSubdomain, isLabelValue } from './names.ts';
import { printable, printableName } from './printable.ts';

describe('names', () => {
  it.each([
    ['web', true, true, true],
    ['0', true, true, true],
    ['a-b', true, true, true],
    ['a'.repeat(63), true, true, true],
    ['a'.repeat(64), false, true, false],
    ['a.b', false, true, true],
    ['a_b', false, false, true],
    ['Web', false, false, true],
    ['', false, false, true],
    ['-a', false, false, false],
    ['a-', false, false, false],
    ['a..b', false, false, true],
    ['a b', false, false, false],
    ['a\n', false, false, false],
    ['"', false, false, false],
    ['$(reboot)', false, false, false],
    ['ä', false, false, false],
  ])('%j is a label: %s, a subdomain: %s, a label value: %s', (text, label, subdomain, value) => {
    expect([isDnsLabel(text), isDnsSubdomain(text), isLabelValue(text)]).toEqual([label, subdomain, value]);
  });

  it('limits a subdomain to 253 characters', () => {
    const text = `${'a'.repeat(251)}.b`;
    expect(isDnsSubdomain(text)).toBe(true);
    expect(isDnsSubdomain(`${text}c`)).toBe(false);
  });
});

describe('printable', () => {
  it.each([
    ['a"b', '"a\\"b"'],
    ['a\nb', '"a\\nb"'],
    ['\u001b[31mred\u009b', '"\\u001b[31mred\\u009b"'],
    ['\u202eevil\u2028', '"\\u202eevil\\u2028"'],
    [undefined, 'nothing'],
    [null, 'nothing'],
    [80.5, '80.5'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [true, 'true'],
    [[1], 'a list'],
    [{}, 'an object'],
  ])('prints %j as %s', (value, text) => {
    expect(printable(value)).toBe(text);
  });

  it('shortens', () => {
    expect(printable('x'.repeat(200_000))).toHaveLength(83);
    expect(printableName('x'.repeat(254))).toHaveLength(83);
  });

  it('leaves harmless names alone', () => {
    expect(printableName('default/web-1.x_y')).toBe('default/web-1.x_y');
    expect(printableName('a b')).toBe('"a b"');
  });
});
