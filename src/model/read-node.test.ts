import { describe, expect, it } from 'vitest';
import { readNode } from './read-node.ts';
import { readServiceCIDR } from './read-service-cidr.ts';

describe('readNode', () => {
  it('reads what decides packets and health', () => {
    const raw = {
      metadata: {
        name: 'node-1.example',
        labels: { 'topology.kubernetes.io/zone': 'eu-1a' },
        deletionTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: {
        podCIDR: '10.2.0.0/24',
        podCIDRs: ['10.2.0.0/24', 'FD00:2::/64'],
        taints: [{ key: 'a/b', effect: 'NoSchedule' }],
      },
      status: {
        addresses: [
          { type: 'Hostname', address: 'node-1' },
          { type: 'ExternalIP', address: '203.0.113.1' },
          { type: 'InternalIP', address: '192.168.0.1' },
          { type: 'InternalIP', address: 'fd00::1' },
        ],
      },
    };
    expect(readNode(raw)).toEqual({
      outcome: 'use',
      key: 'node-1.example',
      findings: [],
      object: {
        name: 'node-1.example',
        zone: 'eu-1a',
        addresses: ['192.168.0.1', 'fd00::1', '203.0.113.1'],
        podCIDRs: ['10.2.0.0/24', 'fd00:2::/64'],
        deleting: true,
        taintKeys: ['a/b'],
      },
    });
  });

  it('reads a bare Node, an empty zone and the older podCIDR', () => {
    const bare = { zone: undefined, addresses: [], podCIDRs: [], deleting: false, taintKeys: [] };
    expect(readNode({ metadata: { name: 'n' } })).toMatchObject({ object: bare, findings: [] });
    const raw = {
      metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': '' } },
      spec: { podCIDR: '10.2.0.0/24' },
    };
    expect(readNode(raw)).toMatchObject({ object: { ...bare, podCIDRs: ['10.2.0.0/24'] } });
  });

  it('leaves out what is wrong and refuses a wrong name', () => {
    const raw = {
      metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'a b' } },
      spec: { podCIDRs: ['10.2.0.0', '10.3.0.0/24'] },
      status: {
        addresses: [
          { type: 'InternalIP', address: 'x' },
          { type: 'InternalIP', address: '192.168.0.1' },
        ],
      },
    };
    expect(readNode(raw)).toMatchObject({
      outcome: 'use',
      object: { zone: undefined, addresses: ['192.168.0.1'], podCIDRs: ['10.3.0.0/24'] },
      findings: [
        { code: 'NP-OBJECT-002', object: 'Node n', field: 'metadata.labels.topology.kubernetes.io/zone' },
        { field: 'status.addresses[0].address' },
        { field: 'spec.podCIDRs[0]' },
      ],
    });
    expect(readNode({ metadata: { name: 'A B' } })).toMatchObject({
      outcome: 'refuse',
      findings: [{ object: 'Node "A B"' }],
    });
  });
});

describe('readServiceCIDR', () => {
  it('reads the networks', () => {
    expect(
      readServiceCIDR({
        metadata: { name: 'kubernetes' },
        spec: { cidrs: ['10.96.0.1/12', 'fd00::/108', 'x'] },
      }),
    ).toMatchObject({
      outcome: 'use',
      key: 'kubernetes',
      object: ['10.96.0.0/12', 'fd00::/108'],
      findings: [{ code: 'NP-OBJECT-002', field: 'spec.cidrs[2]' }],
    });
  });
});
