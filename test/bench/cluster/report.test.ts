import { expect, test } from 'vitest';
import { readOptions } from './options.ts';
import { modeTable } from './report.ts';

const peak = { agent: 200, children: 100 };

test('what was given up is told as more than the time, and what came after it not at all', () => {
  const figures = {
    'kube-proxy': { start: undefined, peak },
    nodeplane: { start: 12, peak: { agent: 100, children: 0 }, restart: { served: 3, synced: undefined } },
  };
  const lines = modeTable({ variant: 'nft', services: 10_000, figures }, 120).split('\n');
  const row = (what: string) => lines.find((line) => line.startsWith(what))?.split(/\s{2,}/);
  expect(lines[0]).toBe('iptables-nft, 10,000 Services × 5 endpoints');
  expect(row('start to first')).toEqual(['start to first rules, s', '> 120', '12', '< 0.10×']);
  expect(row('restart to a change')).toEqual(['restart to a change served, s', '–', '3', '–']);
  expect(row('restart to synced')).toEqual(['restart to synced, s', '–', '–', '–']);
  expect(row('memory at peak')).toEqual(['memory at peak, MB: agent', '200', '100', '0.50×']);
});

test('names choose modes and programs; sizes come in order', () => {
  expect(readOptions(['--only', 'nft,nodeplane', '--sizes', '5000,200'])).toMatchObject({
    variants: ['nft'],
    proxies: ['nodeplane'],
    sizes: [200, 5000],
  });
  expect(readOptions(['--only', 'kube-proxy'])).toMatchObject({
    variants: ['legacy', 'nft'],
    proxies: ['kube-proxy'],
  });
  expect(() => readOptions(['--only', 'ipvs'])).toThrow('neither a mode nor a program: ipvs');
  expect(() => readOptions(['--sizes', '70000'])).toThrow('70000');
});
