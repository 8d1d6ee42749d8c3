import { service, slice } from '../objects.ts';
import type { Places } from '../places.ts';
import { podEndpoints, reachesMasqueraded, type Scenario } from '../scenario.ts';

/** sessionAffinity: ClientIP. Expiry and removal need time and are tested apart. */
export const affinity: readonly Scenario[] = [
  {
    name: 'ClientIP affinity keeps each client at its endpoint, by every address of the Service',
    objects: sticky,
    cases: (at) => [
      { from: 'client', sources: clients(at), to: at.vip(80), port: 80, expect: stuck(at) },
      { from: 'client', sources: clients(at), to: at.node, port: 30080, expect: stuck(at) },
      { from: 'client', sources: clients(at), to: at.balancer(80), port: 80, expect: stuck(at) },
      { from: 'client', sources: clients(at), to: at.vip(80), port: 53, protocol: 'UDP', expect: stuck(at) },
    ],
  },
];

/** Enough to see each of three endpoints for certain. */
function clients(at: Places): readonly string[] {
  return [...Array(60).keys()].map((index) => at.client(20 + index));
}

function stuck(at: Places) {
  return { ...reachesMasqueraded(at, ['p1', 'p2', 'r1']), sticky: true } as const;
}

function sticky(at: Places) {
  return [
    service({
      name: 'sticky',
      type: 'LoadBalancer',
      clusterIPs: [at.vip(80)],
      ports: [
        { name: 'http', port: 80, nodePort: 30080 },
        { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
      ],
      ingress: [{ ip: at.balancer(80) }],
      spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    }),
    slice({
      of: 'sticky',
      ports: [
        { name: 'http', port: 8080 },
        { name: 'dns', port: 8080, protocol: 'UDP' },
      ],
      endpoints: podEndpoints(at, ['p1', 'p2', 'r1']),
    }),
  ];
}
