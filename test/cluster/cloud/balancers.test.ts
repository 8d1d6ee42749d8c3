import { describe, expect, it } from 'vitest';
import { Balancers } from './balancers.ts';
import type { Wanted } from './wanted.ts';

const wanted = (name: string, more: Partial<Wanted> = {}): Wanted => ({
  uid: `uid of ${name}`,
  namespace: 'default',
  name,
  families: ['IPv4', 'IPv6'],
  probe: { family: 'IPv4', port: 10256 },
  ingress: [],
  ...more,
});
const url = (number: number, port: number) => `http://192.168.60.${10 + number}:${port}/healthz`;

function followed(...services: readonly Wanted[]): Balancers {
  const balancers = new Balancers();
  balancers.follow(services, ['node-1', 'node-2']);
  return balancers;
}

describe('the health of nodes', () => {
  const healthy = (balancers: Balancers) => balancers.healthy().get('default/web');

  it('begins with the first success, and ends with two failures in a row', () => {
    const balancers = followed(wanted('web'));
    expect(healthy(balancers)).toEqual([]);
    for (const node of [1, 2]) expect(balancers.probed(url(node, 10256), true)).toBe(true);
    const outcomes = [false, true, false, false, false, true].map((ok) => {
      const changed = balancers.probed(url(1, 10256), ok);
      return [changed, healthy(balancers)?.length];
    });
    expect(outcomes).toEqual([
      [false, 2],
      [false, 2],
      [false, 2],
      [true, 1],
      [false, 1],
      [true, 2],
    ]);
  });

  it('stays what it is when the port of the probes changes, until that has told', () => {
    const balancers = followed(wanted('web'));
    balancers.probed(url(1, 10256), true);
    balancers.probed(url(1, 10256), false);
    const local = wanted('web', { probe: { family: 'IPv4', port: 32000 } });
    balancers.follow([local], ['node-1', 'node-2']);
    expect(balancers.urls()).toEqual([url(1, 32000), url(2, 32000)]);
    balancers.probed(url(1, 32000), false);
    expect(healthy(balancers)).toEqual(['node-1']);
    balancers.probed(url(1, 32000), false);
    expect(healthy(balancers)).toEqual([]);
  });

  it('is forgotten with the node', () => {
    const balancers = followed(wanted('web'));
    balancers.probed(url(1, 10256), true);
    balancers.follow([wanted('web')], ['node-2']);
    balancers.follow([wanted('web')], ['node-1', 'node-2']);
    expect(healthy(balancers)).toEqual([]);
  });
});

describe('addresses', () => {
  const ingress = (balancers: Balancers) =>
    balancers.statuses().map(({ name, ingress: addresses }) => [name, ...addresses]);

  it('are one of each family of the Service, and written where they do not stand', () => {
    const single = wanted('single', { families: ['IPv6'] });
    const standing = wanted('standing', { ingress: ['198.51.100.3', '2001:db8:100::3'] });
    expect(ingress(followed(wanted('web'), single, standing))).toEqual([
      ['web', '198.51.100.1', '2001:db8:100::1'],
      ['single', '2001:db8:100::2'],
    ]);
  });

  it('are taken away from a Service that is of another type, and rest before others get them', () => {
    const balancers = followed(wanted('web'), wanted('other'));
    const changed = wanted('web', { families: [], ingress: ['198.51.100.1', '2001:db8:100::1'] });
    balancers.follow([changed, wanted('other'), wanted('next')], ['node-1']);
    expect(ingress(balancers)).toEqual([
      ['web'],
      ['other', '198.51.100.2', '2001:db8:100::2'],
      ['next', '198.51.100.3', '2001:db8:100::3'],
    ]);
  });
});
