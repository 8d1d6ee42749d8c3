import { describe, expect, it } from 'vitest';
import type { Node } from '../model/node.ts';
import { defaultRoutingSettings, type NodePortSelection } from '../routing/settings.ts';
import { healthCheckAddresses } from './health-check-addresses.ts';

const interfaces = ['10.1.0.1', '127.0.0.1', '192.168.50.11', '::1', 'fd00:50::11'];
const node: Node = {
  name: 'node-a',
  zone: undefined,
  addresses: ['192.168.50.11', 'fd00:50::11'],
  podCIDRs: [],
  deleting: false,
  taintKeys: [],
};

function addressesFor(nodePortAddresses: NodePortSelection): readonly string[] {
  const settings = { ...defaultRoutingSettings, nodePortAddresses, localhostNodePorts: false };
  return healthCheckAddresses(settings, node, () => interfaces);
}

describe('health-check node ports listen', () => {
  it('everywhere in both families, and nobody looks at interfaces for that', () => {
    const never = () => {
      throw new Error('asked');
    };
    expect(healthCheckAddresses(defaultRoutingSettings, node, never)).toEqual(['0.0.0.0', '::']);
  });

  it('at the main addresses of the node', () => {
    expect(addressesFor({ kind: 'primary' })).toEqual(['192.168.50.11', 'fd00:50::11']);
  });

  it('at those of the networks given, and everywhere in a family without one', () => {
    expect(addressesFor({ kind: 'cidrs', cidrs: ['10.0.0.0/8', '192.168.0.0/16'] })).toEqual([
      '10.1.0.1',
      '192.168.50.11',
      '::',
    ]);
    expect(addressesFor({ kind: 'cidrs', cidrs: ['fd00:50::/64', '10.2.0.0/16'] })).toEqual(['fd00:50::11']);
    expect(addressesFor({ kind: 'cidrs', cidrs: ['0.0.0.0/0'] })).toEqual(['0.0.0.0', '::']);
  });

  it('at addresses that this machine has', () => {
    const settings = {
      ...defaultRoutingSettings,
      nodePortAddresses: { kind: 'cidrs', cidrs: ['127.0.0.0/8', '::1/128'] } as const,
    };
    expect(healthCheckAddresses(settings, node)).toContain('127.0.0.1');
  });
});
