import { node, service, slice } from '../objects.ts';
import type { Places, PodName } from '../places.ts';
import {
  type Case,
  podEndpoints,
  podPorts,
  reaches,
  rejected,
  type Scenario,
  untouched,
} from '../scenario.ts';

/** Which endpoints may serve: conditions, hints, duplicates, many of them. */
export const endpoints: readonly Scenario[] = [
  {
    name: 'endpoints that are not ready get nothing',
    objects: (at) =>
      web(at, [
        ...podEndpoints(at, ['p1', 'r1']),
        ...podEndpoints(at, ['p2'], { ready: false }),
        ...podEndpoints(at, ['p3'], { ready: false, serving: true, terminating: true }),
      ]),
    cases: (at) => fromAPod(at, ['p1', 'r1']),
  },
  {
    name: 'when none is ready, those that still serve while terminating do',
    objects: (at) =>
      web(at, [
        ...podEndpoints(at, ['p1'], { ready: false }),
        ...podEndpoints(at, ['p2', 'r1'], { ready: false, serving: true, terminating: true }),
        ...podEndpoints(at, ['p3'], { ready: false, serving: false, terminating: true }),
      ]),
    cases: (at) => fromAPod(at, ['p2', 'r1']),
  },
  {
    name: 'absent conditions mean ready',
    objects: (at) => web(at, [{ address: at.pod('p1') }, { address: at.pod('r2') }]),
    cases: (at) => fromAPod(at, ['p1', 'r2']),
  },
  {
    name: 'no endpoint anywhere: every address of the Service rejects',
    objects: (at) => [
      service({
        name: 'empty',
        type: 'LoadBalancer',
        clusterIPs: [at.vip(31)],
        ports: [
          { name: 't', port: 80, nodePort: 30031 },
          { name: 'u', port: 80, protocol: 'UDP', nodePort: 30032 },
        ],
        ingress: [{ ip: at.balancer(31) }],
        spec: { externalIPs: [at.external(31)], loadBalancerSourceRanges: [at.clients.low] },
      }),
      slice({
        of: 'empty',
        ports: [
          { name: 't', port: 8080 },
          { name: 'u', port: 8080, protocol: 'UDP' },
        ],
        endpoints: podEndpoints(at, ['p1'], { ready: false }),
      }),
    ],
    cases: (at) => [
      { from: 'p1', to: at.vip(31), port: 80, expect: rejected },
      { from: 'node-a', to: at.vip(31), port: 80, expect: rejected },
      { from: 'client', to: at.vip(31), port: 80, protocol: 'UDP', expect: rejected },
      { from: 'client', to: at.node, port: 30031, expect: rejected },
      { from: 'client', to: at.node, port: 30032, protocol: 'UDP', expect: rejected },
      { from: 'client', to: at.balancer(31), port: 80, expect: rejected },
      { from: 'client', sources: [at.client(200)], to: at.balancer(31), port: 80, expect: rejected },
      { from: 'client', to: at.external(31), port: 80, protocol: 'UDP', expect: rejected },
    ],
  },
  {
    name: 'the same address in two slices counts once, and the copy that does not terminate wins',
    objects: (at) => [
      ...web(at, podEndpoints(at, ['p1', 'p2'], { ready: false, serving: true, terminating: true })),
      slice({
        of: 'web',
        suffix: 'second',
        ports: [{ port: 8080 }],
        endpoints: podEndpoints(at, ['p1', 'r1']),
      }),
    ],
    cases: (at) => fromAPod(at, ['p1', 'r1']),
  },
  {
    name: 'a slice without a Service, a port of another name and a slice of another namespace do nothing',
    objects: (at) => [
      service({ name: 'web', clusterIPs: [at.vip(30)], ports: [{ name: 'http', port: 80 }] }),
      slice({ of: 'web', ports: [{ name: 'other', port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
      slice({ of: 'nobody', ports: [{ name: 'http', port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
      slice({
        of: 'web',
        namespace: 'else',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: podEndpoints(at, ['p1']),
      }),
    ],
    cases: (at) => [{ from: 'p2', to: at.vip(30), port: 80, expect: rejected }],
  },
  {
    name: 'zone hints narrow to this zone',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, inZones(at, { p1: ['one'], r1: ['one', 'two'], r2: ['two'] })),
    ],
    cases: (at) => fromAPod(at, ['p1', 'r1']),
  },
  {
    name: 'zone hints are ignored when one ready endpoint has none',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, [...inZones(at, { p1: ['one'], r1: ['two'] }), ...podEndpoints(at, ['r2'])]),
    ],
    cases: (at) => fromAPod(at, ['p1', 'r1', 'r2']),
  },
  {
    name: 'an endpoint that is not ready does not spoil the hints, nor is it chosen by them',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, [
        ...inZones(at, { p1: ['one'], r1: ['two'] }),
        ...podEndpoints(at, ['r2'], { ready: false }),
      ]),
    ],
    cases: (at) => fromAPod(at, ['p1']),
  },
  {
    name: 'zone hints are ignored when none names this zone, and on a node without a zone',
    objects: (at) => [
      zoned(at, undefined),
      ...web(at, inZones(at, { p1: ['one'], r1: ['two'] })),
      service({ name: 'far', clusterIPs: [at.vip(32)], ports: [{ port: 80 }] }),
      slice({ of: 'far', ports: [{ port: 8080 }], endpoints: inZones(at, { p1: ['three'], r1: ['three'] }) }),
    ],
    cases: (at) => [
      ...fromAPod(at, ['p1', 'r1']),
      { from: 'p2', to: at.vip(32), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'node hints win over zone hints',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, [
        ...podEndpoints(at, ['p1'], { forNodes: ['node-a'], forZones: ['one'] }),
        ...podEndpoints(at, ['r1', 'r2'], { forNodes: ['node-b'], forZones: ['one'] }),
      ]),
    ],
    cases: (at) => fromAPod(at, ['p1']),
  },
  {
    name: 'zone hints count where no node hint names this node',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, [
        ...podEndpoints(at, ['p1'], { forNodes: ['node-c'], forZones: ['two'] }),
        ...podEndpoints(at, ['r1', 'r2'], { forNodes: ['node-b'], forZones: ['one'] }),
      ]),
    ],
    cases: (at) => fromAPod(at, ['r1', 'r2']),
  },
  {
    name: 'hints do not narrow the endpoints that serve while terminating',
    objects: (at) => [
      zoned(at, 'one'),
      ...web(at, [
        ...podEndpoints(at, ['p1'], { ready: false, serving: true, terminating: true, forZones: ['one'] }),
        ...podEndpoints(at, ['r1'], { ready: false, serving: true, terminating: true, forZones: ['two'] }),
      ]),
    ],
    cases: (at) => fromAPod(at, ['p1', 'r1']),
  },
  {
    name: 'forty-eight endpoints are chosen by a tree, each as likely as the others',
    objects: (at) => [
      service({ name: 'many', clusterIPs: [at.vip(33)], ports: [{ port: 80 }] }),
      ...podPorts.map((port) =>
        slice({ of: 'many', suffix: String(port), ports: [{ port }], endpoints: podEndpoints(at, allPods) }),
      ),
    ],
    cases: (at) => [
      {
        from: 'client',
        to: at.vip(33),
        port: 80,
        expect: {
          verdict: 'forward',
          masquerade: true,
          endpoints: podPorts.flatMap((port) => allPods.map((pod) => ({ address: at.pod(pod), port }))),
        },
      },
      { from: 'client', to: at.vip(33), port: 81, expect: untouched },
    ],
  },
];

const allPods: readonly PodName[] = ['p1', 'p2', 'p3', 'r1', 'r2', 'r3'];

function web(at: Places, list: Parameters<typeof slice>[0]['endpoints']) {
  return [
    service({ name: 'web', clusterIPs: [at.vip(30)], ports: [{ port: 80 }] }),
    slice({ of: 'web', ports: [{ port: 8080 }], endpoints: list }),
  ];
}

function fromAPod(at: Places, pods: readonly PodName[]): readonly Case[] {
  return [{ from: 'p3', to: at.vip(30), port: 80, expect: reaches(at, pods) }];
}

function inZones(at: Places, zones: Readonly<Partial<Record<PodName, readonly string[]>>>) {
  return allPods.flatMap((pod) => {
    const forZones = zones[pod];
    return forZones === undefined ? [] : podEndpoints(at, [pod], { forZones });
  });
}

function zoned(at: Places, zone: string | undefined) {
  return node({ name: 'node-a', addresses: [at.node], ...(zone === undefined ? {} : { zone }) });
}
