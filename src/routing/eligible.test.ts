import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../model/endpoint.ts';
import { eligible } from './eligible.ts';
import type { PolicyUse } from './policy.ts';

const position = { nodeName: 'node-a', zone: 'zone-1' };

const both: PolicyUse = {
  internal: 'Cluster',
  external: 'Local',
  externallyAccessible: true,
  cluster: true,
  local: true,
};

const ready = { ready: true, serving: true, terminating: false };
const notReady = { ready: false, serving: false, terminating: false };
const draining = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };
/** Fails its readiness probe, yet says that it serves; only while it terminates would that count. */
const unreadyServing = { ready: false, serving: true, terminating: false };

type State = Pick<Endpoint, 'ready' | 'serving' | 'terminating'>;

function at(nodeName: string, state: State, hints: Partial<Endpoint> = {}): Omit<Endpoint, 'address'> {
  return { port: 80, nodeName, zone: undefined, forNodes: [], forZones: [], ...state, ...hints };
}

function chosen(endpoints: readonly Omit<Endpoint, 'address'>[], use = both) {
  const named = endpoints.map((endpoint, index) => ({ ...endpoint, address: `e${index}` }));
  const { cluster, local, anywhere } = eligible(named, use, position);
  return {
    cluster: cluster.map(({ address }) => address),
    local: local.map(({ address }) => address),
    anywhere,
  };
}

const here = 'node-a';
const there = 'node-b';

describe('endpoints that may serve', () => {
  it.each([
    ['none', [], [], [], false],
    ['ready ones', [at(here, ready), at(there, ready), at(there, notReady)], ['e0', 'e1'], ['e0'], true],
    ['not those that drain while one is ready', [at(there, draining), at(there, ready)], ['e1'], [], true],
    [
      'those that drain when none is ready',
      [at(here, draining), at(there, draining)],
      ['e0', 'e1'],
      ['e0'],
      true,
    ],
    ['not those that terminate and serve no more', [at(here, gone), at(there, gone)], [], [], false],
    ['not those that serve without being ready', [at(here, unreadyServing)], [], [], false],
    [
      'here those that drain, though others are ready elsewhere',
      [at(here, draining), at(there, ready)],
      ['e1'],
      ['e0'],
      true,
    ],
    ['elsewhere only', [at(there, ready)], ['e0'], [], true],
    ['elsewhere draining only', [at(there, draining), at(here, notReady)], ['e0'], [], true],
  ])('%s', (_, endpoints, cluster, local, anywhere) => {
    expect(chosen(endpoints)).toEqual({ cluster, local, anywhere });
  });

  it('are narrowed by hints for policy Cluster alone', () => {
    const endpoints = [at(here, ready, { forZones: ['zone-2'] }), at(there, ready, { forZones: ['zone-1'] })];
    expect(chosen(endpoints)).toEqual({ cluster: ['e1'], local: ['e0'], anywhere: true });
  });

  it('are judged by the hints of ready ones alone, and not at all when none is ready', () => {
    const zone1 = { forZones: ['zone-1'] };
    const mixed = [at(here, ready, zone1), at(there, ready, { forZones: ['zone-2'] }), at(there, notReady)];
    expect(chosen(mixed).cluster).toEqual(['e0']);
    const drainingOnes = [at(here, draining, zone1), at(there, draining, { forZones: ['zone-2'] })];
    expect(chosen(drainingOnes).cluster).toEqual(['e0', 'e1']);
  });

  it('are nobody for a policy that no traffic is under, and still somewhere', () => {
    const endpoints = [at(here, ready)];
    expect(chosen(endpoints, { ...both, cluster: false })).toEqual({
      cluster: [],
      local: ['e0'],
      anywhere: true,
    });
    expect(chosen(endpoints, { ...both, local: false })).toEqual({
      cluster: ['e0'],
      local: [],
      anywhere: true,
    });
  });
});
