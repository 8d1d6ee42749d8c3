import { describe, expect, it } from 'vitest';
import { createAllowance } from './allowance.ts';

describe('an allowance', () => {
  it('lets a burst through, then one for each refill, and counts what it kept back', () => {
    let time = 0;
    const allow = createAllowance({ burst: 2, refillMilliseconds: 100, now: () => time });
    expect([allow('a'), allow('a'), allow('a'), allow('a')]).toEqual([{}, {}, undefined, undefined]);
    time = 99;
    expect(allow('a')).toBeUndefined();
    time = 100;
    expect(allow('a')).toEqual({ keptBack: 3 });
    expect(allow('a')).toBeUndefined();
    time = 10_000;
    expect([allow('a'), allow('a'), allow('a')]).toEqual([{ keptBack: 1 }, {}, undefined]);
  });

  it('is one for each key', () => {
    const allow = createAllowance({ burst: 1, refillMilliseconds: 100, now: () => 0 });
    expect([allow('a'), allow('b'), allow('a')]).toEqual([{}, {}, undefined]);
  });

  it('forgets the keys that were used longest ago', () => {
    const allow = createAllowance({ burst: 1, refillMilliseconds: 100, now: () => 0 });
    allow('first');
    for (let key = 0; key < 255; key++) allow(String(key));
    expect(allow('first')).toBeUndefined();
    for (let key = 1000; key < 1256; key++) allow(String(key));
    expect(allow('first')).toEqual({});
  });
});
