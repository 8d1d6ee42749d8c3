import { describe, expect, it } from 'vitest';
import type { Service } from '../model/service.ts';
import { externalAddresses } from './external.ts';

function balanced(more: Partial<Service>): Service {
  return {
    namespace: 'default',
    name: 'web',
    uid: undefined,
    type: 'LoadBalancer',
    clusterIPs: ['172.30.0.41', 'fd00::41'],
    externalIPs: [],
    loadBalancerIPs: ['198.51.100.4', '2001:db8::4'],
    loadBalancerSourceRanges: [],
    ports: [],
    affinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    ...more,
  };
}

const open = { sourceRanges: [], sourceAddresses: [] };

describe('addresses outside the cluster', () => {
  it('are those of the family, external IPs first, each once', () => {
    const service = balanced({ externalIPs: ['192.0.2.1', '2001:db8:1::1', '192.0.2.1', '192.0.2.2'] });
    expect(externalAddresses(service, 'IPv4', undefined)).toEqual([
      { kind: 'external-ip', address: '192.0.2.1', ...open },
      { kind: 'external-ip', address: '192.0.2.2', ...open },
      { kind: 'load-balancer', address: '198.51.100.4', ...open },
    ]);
    expect(externalAddresses(service, 'IPv6', undefined).map(({ address }) => address)).toEqual([
      '2001:db8:1::1',
      '2001:db8::4',
    ]);
  });
});

describe('source ranges', () => {
  const ranges = (loadBalancerSourceRanges: readonly string[], nodeAddress?: string, more = {}) =>
    externalAddresses(balanced({ loadBalancerSourceRanges, ...more }), 'IPv4', nodeAddress).map(
      ({ kind, sourceRanges, sourceAddresses }) => ({ kind, sourceRanges, sourceAddresses }),
    );

  it('of the family guard the addresses of the load balancer and not external IPs', () => {
    expect(ranges(['203.0.113.0/25', '2001:db8::/32'], undefined, { externalIPs: ['192.0.2.1'] })).toEqual([
      { kind: 'external-ip', ...open },
      { kind: 'load-balancer', sourceRanges: ['203.0.113.0/25'], sourceAddresses: [] },
    ]);
  });

  it.each([
    ['none', []],
    ['of the other family alone', ['2001:db8::/32']],
    ['with one that holds all', ['203.0.113.0/25', '0.0.0.0/0']],
  ])('%s let everybody in', (_, list) => {
    expect(ranges(list, '192.168.0.1')).toEqual([{ kind: 'load-balancer', ...open }]);
  });

  it('that hold the address of the node let the load balancer itself in', () => {
    const list = ['203.0.113.0/25', '192.168.0.0/16'];
    const sourceRanges = list;
    const vips = { loadBalancerIPs: ['198.51.100.4', '198.51.100.5'] };
    expect(ranges(list, '192.168.3.4', vips)).toEqual([
      { kind: 'load-balancer', sourceRanges, sourceAddresses: vips.loadBalancerIPs },
      { kind: 'load-balancer', sourceRanges, sourceAddresses: vips.loadBalancerIPs },
    ]);
    expect(ranges(list, '10.0.0.1')).toEqual([{ kind: 'load-balancer', sourceRanges, sourceAddresses: [] }]);
    expect(ranges(list, 'fd00::1')).toEqual([{ kind: 'load-balancer', sourceRanges, sourceAddresses: [] }]);
  });
});
