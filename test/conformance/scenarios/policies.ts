import { service, slice } from '../objects.ts';
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

type Endpoints = Parameters<typeof slice>[0]['endpoints'];

/** internalTrafficPolicy and externalTrafficPolicy, with their short-cuts and verdicts. */
export const policies: readonly Scenario[] = [
  {
    name: 'internalTrafficPolicy Local keeps ClusterIP traffic on the node, NodePorts are not concerned',
    objects: (at) => shop(at, podEndpoints(at, ['p1', 'p2', 'r1']), { internalTrafficPolicy: 'Local' }),
    cases: (at) => [
      { from: 'p3', to: at.vip(40), port: 80, expect: reaches(at, ['p1', 'p2']) },
      { from: 'client', to: at.vip(40), port: 80, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'client', to: at.node, port: 30040, expect: reachesMasqueraded(at, ['p1', 'p2', 'r1']) },
    ],
  },
  {
    name: 'internalTrafficPolicy Local with endpoints elsewhere only drops',
    objects: (at) => shop(at, podEndpoints(at, ['r1']), { internalTrafficPolicy: 'Local' }),
    cases: (at) => [
      { from: 'p1', to: at.vip(40), port: 80, expect: dropped },
      { from: 'node-a', to: at.vip(40), port: 80, expect: dropped },
      { from: 'client', to: at.node, port: 30040, expect: reachesMasqueraded(at, ['r1']) },
    ],
  },
  {
    name: 'internalTrafficPolicy Local of a Service that only has a ClusterIP: elsewhere drops, nowhere rejects',
    objects: (at) => [
      service({
        name: 'inner',
        clusterIPs: [at.vip(41)],
        ports: [{ port: 80 }],
        spec: { internalTrafficPolicy: 'Local' },
      }),
      slice({ of: 'inner', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['r1']) }),
      service({
        name: 'none',
        clusterIPs: [at.vip(42)],
        ports: [{ port: 80 }],
        spec: { internalTrafficPolicy: 'Local' },
      }),
    ],
    cases: (at) => [
      { from: 'p1', to: at.vip(41), port: 80, expect: dropped },
      { from: 'p1', to: at.vip(42), port: 80, expect: rejected },
    ],
  },
  {
    name: 'internalTrafficPolicy Local falls back to local endpoints that serve while terminating',
    objects: (at) =>
      shop(
        at,
        [
          ...podEndpoints(at, ['p1'], { ready: false, serving: true, terminating: true }),
          ...podEndpoints(at, ['r1']),
        ],
        { internalTrafficPolicy: 'Local' },
      ),
    cases: (at) => [
      { from: 'p3', to: at.vip(40), port: 80, expect: reaches(at, ['p1']) },
      { from: 'client', to: at.node, port: 30040, expect: reachesMasqueraded(at, ['r1']) },
    ],
  },
  {
    name: 'externalTrafficPolicy Local keeps the client address and the node; its pods and the node itself may go anywhere',
    objects: (at) => shop(at, podEndpoints(at, ['p1', 'r1']), { externalTrafficPolicy: 'Local' }),
    cases: (at) =>
      everywhere(at, (to, port) => [
        { from: 'client', to, port, expect: reaches(at, ['p1']) },
        { from: 'p3', to, port, expect: reaches(at, ['p1', 'r1']) },
        { from: 'node-a', to, port, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      ]),
  },
  {
    name: 'externalTrafficPolicy Local without local endpoints drops, after the short-cuts',
    objects: (at) => shop(at, podEndpoints(at, ['r1', 'r2']), { externalTrafficPolicy: 'Local' }),
    cases: (at) =>
      everywhere(at, (to, port) => [
        { from: 'client', to, port, expect: dropped },
        { from: 'p3', to, port, expect: reaches(at, ['r1', 'r2']) },
        { from: 'node-a', to, port, expect: reachesMasqueraded(at, ['r1', 'r2']) },
      ]),
  },
  {
    name: 'externalTrafficPolicy Local with no endpoint anywhere rejects',
    objects: (at) => shop(at, podEndpoints(at, ['p1'], { ready: false }), { externalTrafficPolicy: 'Local' }),
    cases: (at) =>
      everywhere(at, (to, port) => [
        { from: 'client', to, port, expect: rejected },
        { from: 'p3', to, port, expect: rejected },
      ]),
  },
  {
    name: 'externalTrafficPolicy Local serves from local terminating endpoints while others are ready elsewhere',
    objects: (at) =>
      shop(
        at,
        [
          ...podEndpoints(at, ['p2'], { ready: false, serving: true, terminating: true }),
          ...podEndpoints(at, ['r1']),
        ],
        { externalTrafficPolicy: 'Local' },
      ),
    cases: (at) =>
      everywhere(at, (to, port) => [
        { from: 'client', to, port, expect: reaches(at, ['p2']) },
        { from: 'p3', to, port, expect: reaches(at, ['r1']) },
      ]),
  },
  {
    name: 'externalTrafficPolicy Local without a detector of local pods has no short-cut for them',
    settings: () => ({ detectLocal: { mode: 'None' } }),
    objects: (at) => shop(at, podEndpoints(at, ['p1', 'r1']), { externalTrafficPolicy: 'Local' }),
    cases: (at) => [
      { from: 'p3', to: at.node, port: 30040, expect: reaches(at, ['p1']) },
      { from: 'client', to: at.node, port: 30040, expect: reaches(at, ['p1']) },
      { from: 'node-a', to: at.node, port: 30040, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'externalTrafficPolicy Local counts for external IPs of a ClusterIP Service',
    objects: (at) => [
      service({
        name: 'ext',
        clusterIPs: [at.vip(43)],
        ports: [{ port: 80 }],
        spec: { externalIPs: [at.external(43)], externalTrafficPolicy: 'Local' },
      }),
      slice({ of: 'ext', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'r1']) }),
    ],
    cases: (at) => [
      { from: 'client', to: at.external(43), port: 80, expect: reaches(at, ['p1']) },
      { from: 'p2', to: at.vip(43), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'both policies Local: inside and outside have the local endpoints, the short-cuts all',
    objects: (at) =>
      shop(at, podEndpoints(at, ['p1', 'r1']), {
        externalTrafficPolicy: 'Local',
        internalTrafficPolicy: 'Local',
      }),
    cases: (at) => [
      { from: 'p3', to: at.vip(40), port: 80, expect: reaches(at, ['p1']) },
      { from: 'client', to: at.balancer(40), port: 80, expect: reaches(at, ['p1']) },
      { from: 'p3', to: at.balancer(40), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
];

function shop(at: Places, endpoints: Endpoints, spec: Readonly<Record<string, unknown>>) {
  return [
    service({
      name: 'shop',
      type: 'LoadBalancer',
      clusterIPs: [at.vip(40)],
      ports: [{ port: 80, nodePort: 30040 }],
      ingress: [{ ip: at.balancer(40) }],
      spec: { externalIPs: [at.external(40)], ...spec },
    }),
    slice({ of: 'shop', ports: [{ port: 8080 }], endpoints }),
  ];
}

/** The same cases for the NodePort, the load balancer's address and the external IP. */
function everywhere(at: Places, cases: (to: string, port: number) => readonly Case[]): readonly Case[] {
  return [...cases(at.node, 30040), ...cases(at.balancer(40), 80), ...cases(at.external(40), 80)];
}
