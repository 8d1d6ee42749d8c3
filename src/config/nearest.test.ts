import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

const words = ['nodePortAddresses', 'bindAddress', 'clusterCIDR', 'iptables', '--manifests', '--family'];

describe('nearest', () => {
  it.each([
    ['nodePortAddress', 'nodePortAddresses'],
    ['nodeportaddresses', 'nodePortAddresses'],
    ['bindAdress', 'bindAddress'],
    ['clusterCidr', 'clusterCIDR'],
    ['iptabels', 'iptables'],
    ['--famliy', '--family'],
    ['--manifest', '--manifests'],
    ['cluster', 'clusterCIDR'],
  ])('of %s is %s', (word, expected) => {
    expect(nearest(word, words)).toBe(expected);
  });

  it.each(['', 'zzzzzzzzzz', 'x', 'm'.repeat(100_000)])('of %.20j is nothing', (word) => {
    expect(nearest(word, words)).toBeUndefined();
    expect(didYouMean(word, words)).toBe('');
  });

  it('finds a word again after one mistake', () => {
    const mistake = fc.tuple(fc.constantFrom(...words), fc.nat(), fc.constantFrom('drop', 'swap', 'double'));
    fc.assert(
      fc.property(mistake, ([word, seed, kind]) => {
        const at = seed % (word.length - 1);
        const [a = '', b = ''] = [word[at], word[at + 1]];
        const changed = { drop: b, swap: b + a, double: a + a + b }[kind];
        expect(nearest(word.slice(0, at) + (changed ?? '') + word.slice(at + 2), words)).toBe(word);
      }),
    );
  });

  it('is always one of the candidates, and the word itself when it is one', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string({ minLength: 1 })), (word, candidates) => {
        expect([undefined, ...candidates]).toContain(nearest(word, candidates));
        for (const candidate of candidates) {
          expect(nearest(candidate, [candidate, 'something else'])).toBe(candidate);
        }
      }),
    );
  });
});
