import { type Json, service, slice } from '../objects.ts';
import type { Places } from '../places.ts';
import {
  podEndpoints,
  reaches,
  reachesMasqueraded,
  rejected,
  type Scenario,
  untouched,
} from '../scenario.ts';

const numbers = [...Array(100).keys()].map((index) => index + 1);

/** Enough Services, ports and empty Services for every dispatch chain to become a tree. */
export const manyServices: readonly Scenario[] = [
  {
    name: 'a hundred Services are found by their addresses, and what is none passes',
    large: true,
    objects: (at) => numbers.flatMap((number) => numbered(at, number)),
    cases: (at) => [
      ...[1, 16, 17, 50, 99, 100].map((number) => ({
        from: 'p3' as const,
        to: at.vip(number),
        port: 80,
        expect: number % 2 === 0 ? reaches(at, ['p1']) : reaches(at, ['p2']),
      })),
      { from: 'client', to: at.node, port: 30100, expect: reachesMasqueraded(at, ['p1']) },
      { from: 'client', to: at.node, port: 30001, expect: reachesMasqueraded(at, ['p2']) },
      { from: 'client', to: at.node, port: 30101, expect: untouched },
      { from: 'p3', to: at.vip(101), port: 80, expect: untouched },
      { from: 'p3', to: at.vip(50), port: 443, expect: untouched },
    ],
  },
  {
    name: 'a hundred Services without endpoints reject, by ClusterIP and by NodePort',
    objects: (at) => numbers.map((number) => numbered(at, number)[0] ?? {}),
    cases: (at) => [
      { from: 'p3', to: at.vip(1), port: 80, expect: rejected },
      { from: 'p3', to: at.vip(100), port: 80, expect: rejected },
      { from: 'client', to: at.node, port: 30001, expect: rejected },
      { from: 'client', to: at.node, port: 30100, expect: rejected },
      { from: 'client', to: at.node, port: 30101, expect: untouched },
    ],
  },
  {
    name: 'forty ports on one ClusterIP, of two protocols',
    objects: (at) => {
      const ports = [...Array(40).keys()].map((index) => ({
        name: `port-${index}`,
        port: 7000 + index,
        protocol: index % 2 === 0 ? ('TCP' as const) : ('UDP' as const),
      }));
      return [
        service({ name: 'wide', clusterIPs: [at.vip(120)], ports }),
        slice({
          of: 'wide',
          ports: ports.map((port, index) => ({ ...port, port: 8080 + (index % 8) })),
          endpoints: podEndpoints(at, ['p1']),
        }),
      ];
    },
    cases: (at) => [
      { from: 'p2', to: at.vip(120), port: 7000, expect: reaches(at, ['p1'], 8080) },
      { from: 'p2', to: at.vip(120), port: 7039, protocol: 'UDP', expect: reaches(at, ['p1'], 8087) },
      { from: 'p2', to: at.vip(120), port: 7039, expect: untouched },
      { from: 'p2', to: at.vip(120), port: 7040, expect: untouched },
    ],
  },
];

function numbered(at: Places, number: number): readonly Json[] {
  const name = `svc-${number}`;
  return [
    service({
      name,
      type: 'NodePort',
      clusterIPs: [at.vip(number)],
      ports: [{ port: 80, nodePort: 30000 + number }],
    }),
    slice({
      of: name,
      ports: [{ port: 8080 }],
      endpoints: podEndpoints(at, [number % 2 === 0 ? 'p1' : 'p2']),
    }),
  ];
}
