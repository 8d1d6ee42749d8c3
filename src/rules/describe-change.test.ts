import { describe, expect, it } from 'vitest';
import type { Action, ExternalAddress, LocalPods, Route, Treatment } from '../routing/route.ts';
import { describeChange } from './describe-change.ts';

const localPods: LocalPods = { kind: 'source-network', cidr: '10.0.0.0/8' };

function over(set: 'cluster' | 'local', masquerade: boolean): Action {
  return { kind: 'balance', over: set, masquerade };
}

const reject: Treatment = [{ source: 'any', action: { kind: 'reject' } }];
const endpoint = (last: number) => ({ address: `10.0.0.${last}`, port: 8080 });

const web: Route = {
  key: 'default/web:http/tcp',
  name: 'default/web:http',
  family: 'IPv4',
  protocol: 'TCP',
  port: 80,
  endpoints: { cluster: [endpoint(1), endpoint(2)], local: [] },
  clusterIPs: ['172.30.0.41'],
  internal: [
    { source: 'not-local-pods', action: over('cluster', true) },
    { source: 'any', action: over('cluster', false) },
  ],
  externalAddresses: [],
  nodePort: 0,
  external: [{ source: 'any', action: over('cluster', true) }],
  affinitySeconds: undefined,
  healthCheckNodePort: 0,
};

function change(before: Partial<Route> | undefined, after: Partial<Route> | undefined) {
  const full = (part: Partial<Route> | undefined) => part && { route: { ...web, ...part }, localPods };
  return describeChange(full(before), full(after));
}

function balancer(...sourceRanges: readonly string[]): ExternalAddress {
  return { kind: 'load-balancer', address: '198.51.100.4', sourceRanges, sourceAddresses: [] };
}

describe('a change in words', () => {
  it.each<[string, Partial<Route>, Partial<Route>, readonly string[]]>([
    [
      'endpoints',
      {},
      { endpoints: { cluster: [endpoint(2), endpoint(3)], local: [] } },
      ['endpoint +10.0.0.3:8080 -10.0.0.1:8080'],
    ],
    [
      'local endpoints',
      {},
      { endpoints: { ...web.endpoints, local: [endpoint(1)] } },
      ['local endpoint +10.0.0.1:8080'],
    ],
    ['affinity', {}, { affinitySeconds: 60 }, ['affinity on (60 s)']],
    ['less affinity', { affinitySeconds: 60 }, {}, ['affinity off']],
    ['another timeout', { affinitySeconds: 60 }, { affinitySeconds: 90 }, ['affinity on (90 s)']],
    ['the health check', { healthCheckNodePort: 1 }, {}, ['health-check port 1 → none']],
    [
      'a NodePort that comes',
      {},
      { nodePort: 30080 },
      ['address +nodePort 30080/tcp', 'external traffic:  → cluster endpoints, masqueraded'],
    ],
    [
      'source ranges',
      { externalAddresses: [balancer('203.0.113.0/25')] },
      { externalAddresses: [balancer('203.0.113.0/24', '10.0.0.0/8')] },
      ['source range +10.0.0.0/8 +203.0.113.0/24 -203.0.113.0/25'],
    ],
    [
      'internal traffic',
      {},
      { internal: [{ source: 'any', action: over('local', true) }] },
      [
        'ClusterIP traffic: not-local-pods (10.0.0.0/8): cluster endpoints, masqueraded; cluster endpoints → local endpoints, masqueraded',
      ],
    ],
  ])('of %s', (_, before, after, details) => {
    expect(change(before, after)).toMatchObject({ action: 'change', service: 'default/web:http', details });
  });

  it('tells endpoints of both sets, each once', () => {
    const both = { endpoints: { cluster: [endpoint(1), endpoint(2)], local: [endpoint(1)] } };
    expect(change(both, { ...both, affinitySeconds: 60 })).toMatchObject({
      before: { endpoints: 2, affinitySeconds: undefined },
      after: { endpoints: 2, affinitySeconds: 60 },
    });
  });

  it('of what comes and what goes has one side only', () => {
    expect(change(undefined, {})).toEqual({
      service: 'default/web:http',
      family: 'IPv4',
      protocol: 'TCP',
      action: 'add',
      addresses: ['172.30.0.41:80/tcp'],
      before: undefined,
      after: { endpoints: 2, affinitySeconds: undefined },
      details: [],
    });
    expect(change({}, undefined)).toMatchObject({
      action: 'remove',
      before: { endpoints: 2 },
      after: undefined,
      details: [],
    });
  });

  it('names addresses by importance: ClusterIPs, external ones in order, the NodePort', () => {
    const addresses = change(undefined, {
      clusterIPs: ['fd00::41'],
      nodePort: 30080,
      externalAddresses: [
        { ...balancer(), address: 'fd00::b' },
        { ...balancer(), kind: 'external-ip', address: 'fd00::a' },
        { ...balancer(), address: 'fd00::a' },
      ],
    })?.addresses;
    expect(addresses).toEqual([
      '[fd00::41]:80/tcp',
      '[fd00::a]:80/tcp',
      '[fd00::b]:80/tcp',
      'nodePort 30080/tcp',
    ]);
  });
});

describe('what no traffic would notice is no change', () => {
  const nobody = { endpoints: { cluster: [], local: [] }, internal: reject, external: reject };
  it.each<[string, Partial<Route>, Partial<Route>]>([
    ['equal Routes', {}, { endpoints: { cluster: [endpoint(1), endpoint(2)], local: [] } }],
    ['how nobody is treated from outside', {}, { external: reject }],
    ['affinity to no endpoint', nobody, { ...nobody, affinitySeconds: 60 }],
    [
      'ranges of an address that refuses all',
      { ...nobody, externalAddresses: [balancer()] },
      { ...nobody, externalAddresses: [balancer('203.0.113.0/25')] },
    ],
    [
      'an address that is said twice, in another order',
      { externalAddresses: [balancer(), { ...balancer(), kind: 'external-ip', address: '192.0.2.1' }] },
      { externalAddresses: [{ ...balancer(), address: '192.0.2.1' }, balancer()] },
    ],
  ])('%s', (_, before, after) => {
    expect(change(before, after)).toBeUndefined();
  });

  it('nothing before and after', () => {
    expect(describeChange(undefined, undefined)).toBeUndefined();
  });
});

it('tells another detector, because other sources are masqueraded by it', () => {
  const moved: LocalPods = { kind: 'interface-prefix', prefix: 'veth' };
  const told = describeChange({ route: web, localPods }, { route: web, localPods: moved });
  expect(told?.details).toEqual([
    'ClusterIP traffic: not-local-pods (10.0.0.0/8): cluster endpoints, masqueraded; cluster endpoints → ' +
      'not-local-pods (veth*): cluster endpoints, masqueraded; cluster endpoints',
  ]);
});
