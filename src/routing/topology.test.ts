import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../model/endpoint.ts';
import { hinted } from './topology.ts';

const here = { nodeName: 'node-a', zone: 'zone-1' };

function endpoint(name: string, hints: Partial<Endpoint>): Endpoint {
  return {
    address: name,
    port: 80,
    ready: true,
    serving: true,
    terminating: false,
    nodeName: undefined,
    zone: undefined,
    forNodes: [],
    forZones: [],
    ...hints,
  };
}

function names(ready: readonly Endpoint[], position = here as Parameters<typeof hinted>[1]) {
  return hinted(ready, position).map(({ address }) => address);
}

const nodeA = { forNodes: ['node-a'] };
const nodeB = { forNodes: ['node-b'] };
const zone1 = { forZones: ['zone-1'] };
const zone2 = { forZones: ['zone-2'] };

describe('hints', () => {
  it.each([
    ['keep the endpoints of this node', [nodeA, nodeB, nodeA], ['e0', 'e2']],
    ['keep the endpoints of this zone', [zone1, zone2, zone1], ['e0', 'e2']],
    [
      'of nodes go before those of zones',
      [
        { ...nodeA, ...zone2 },
        { ...nodeB, ...zone1 },
      ],
      ['e0'],
    ],
    [
      'of nodes that leave none of them fall back to zones',
      [
        { ...nodeB, ...zone1 },
        { ...nodeB, ...zone2 },
      ],
      ['e0'],
    ],
    ['count for nothing when one endpoint lacks them', [nodeA, {}], ['e0', 'e1']],
    ['of zones count when one endpoint lacks those of nodes', [{ ...nodeA, ...zone2 }, zone1], ['e1']],
    ['count for nothing when none names this node or zone', [nodeB, zone2], ['e0', 'e1']],
    [
      'count for nothing when only some have zones and none this node',
      [zone1, {}, zone2],
      ['e0', 'e1', 'e2'],
    ],
    ['may name several places', [{ forZones: ['zone-2', 'zone-1'] }, zone2], ['e0']],
    ['of nobody leave nobody', [], []],
  ])('%s', (_, hints, expected) => {
    expect(names(hints.map((each, index) => endpoint(`e${index}`, each)))).toEqual(expected);
  });

  it('of zones count for nothing on a node without a zone', () => {
    const ready = [endpoint('e0', zone1), endpoint('e1', zone2)];
    expect(names(ready, { nodeName: 'node-a', zone: undefined })).toEqual(['e0', 'e1']);
  });
});
