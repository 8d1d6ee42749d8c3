import { node, service, slice } from '../objects.ts';
import type { Places } from '../places.ts';
import {
  type Case,
  dropped,
  podEndpoints,
  reaches,
  reachesMasqueraded,
  rejected,
  type Scenario,
} from '../scenario.ts';

/** loadBalancerSourceRanges. */
export const sourceRanges: readonly Scenario[] = [
  {
    name: 'source ranges guard the load balancer address, and nothing else',
    objects: (at) => balanced(at, { loadBalancerSourceRanges: [at.clients.low] }),
    cases: (at) => [
      ...allowedOnly(at),
      { from: 'p2', to: at.balancer(70), port: 80, expect: dropped },
      { from: 'node-a', to: at.balancer(70), port: 80, expect: dropped },
      {
        from: 'client',
        sources: [at.client(200)],
        to: at.node,
        port: 30070,
        expect: reachesMasqueraded(at, ['p1', 'r1']),
      },
      {
        from: 'client',
        sources: [at.client(200)],
        to: at.external(70),
        port: 80,
        expect: reachesMasqueraded(at, ['p1', 'r1']),
      },
      { from: 'p2', to: at.vip(70), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'several source ranges, with spaces and of both families',
    objects: (at) =>
      balanced(at, { loadBalancerSourceRanges: [` ${at.clients.low} `, at.clusterNetwork, otherFamily(at)] }),
    cases: (at) => [
      ...allowedOnly(at),
      { from: 'p2', to: at.balancer(70), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'a source range of length 0 allows everybody',
    objects: (at) => balanced(at, { loadBalancerSourceRanges: ['0.0.0.0/0', '::/0', at.clients.low] }),
    cases: (at) => [
      {
        from: 'client',
        sources: [at.client(200)],
        to: at.balancer(70),
        port: 80,
        expect: reachesMasqueraded(at, ['p1', 'r1']),
      },
    ],
  },
  {
    name: 'a range that holds the node lets it in, also from an address of the load balancer that it owns',
    nodeAddresses: (at) => [at.balancer(70)],
    objects: (at) => [
      node({ name: 'node-a', addresses: [at.node] }),
      ...balanced(at, {
        loadBalancerSourceRanges: [at.family === 'IPv4' ? '192.168.50.0/24' : 'fd00:50::/64'],
      }),
    ],
    cases: (at) => [
      {
        from: 'node-a',
        sources: [at.node],
        to: at.balancer(70),
        port: 80,
        expect: reachesMasqueraded(at, ['p1', 'r1']),
      },
      {
        from: 'node-a',
        sources: [at.balancer(70)],
        to: at.balancer(70),
        port: 80,
        expect: reachesMasqueraded(at, ['p1', 'r1']),
      },
      { from: 'client', to: at.balancer(70), port: 80, expect: dropped },
    ],
  },
  {
    name: 'source ranges of a Service without endpoints: everybody is rejected',
    objects: (at) => [balanced(at, { loadBalancerSourceRanges: [at.clients.low] })[0] ?? {}],
    cases: (at) => [
      { from: 'client', to: at.balancer(70), port: 80, expect: rejected },
      { from: 'client', sources: [at.client(200)], to: at.balancer(70), port: 80, expect: rejected },
    ],
  },
  {
    name: 'source ranges and externalTrafficPolicy Local together',
    objects: (at) =>
      balanced(at, { loadBalancerSourceRanges: [at.clients.low], externalTrafficPolicy: 'Local' }),
    cases: (at) => [
      { from: 'client', to: at.balancer(70), port: 80, expect: reaches(at, ['p1']) },
      { from: 'client', sources: [at.client(200)], to: at.balancer(70), port: 80, expect: dropped },
    ],
  },
];

function allowedOnly(at: Places): readonly Case[] {
  return [
    {
      from: 'client',
      sources: [at.client(), at.client(100)],
      to: at.balancer(70),
      port: 80,
      expect: reachesMasqueraded(at, ['p1', 'r1']),
    },
    {
      from: 'client',
      sources: [at.client(201), at.client(200)],
      to: at.balancer(70),
      port: 80,
      expect: dropped,
    },
  ];
}

function balanced(at: Places, spec: Readonly<Record<string, unknown>>) {
  return [
    service({
      name: 'guarded',
      type: 'LoadBalancer',
      clusterIPs: [at.vip(70)],
      ports: [{ port: 80, nodePort: 30070 }],
      ingress: [{ ip: at.balancer(70) }],
      spec: { externalIPs: [at.external(70)], ...spec },
    }),
    slice({ of: 'guarded', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'r1']) }),
  ];
}

function otherFamily(at: Places): string {
  return at.family === 'IPv4' ? 'fd00:9::/64' : '10.9.0.0/16';
}
