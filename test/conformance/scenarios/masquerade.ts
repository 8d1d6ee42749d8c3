import { node, service, slice } from '../objects.ts';
import type { Places } from '../places.ts';
import { podEndpoints, reaches, reachesMasqueraded, type Scenario } from '../scenario.ts';

/** When the endpoint sees the client, and when the node. */
export const masquerade: readonly Scenario[] = [
  {
    name: 'masqueradeAll hides every source of ClusterIP traffic',
    settings: () => ({ masqueradeAll: true }),
    objects: web,
    cases: (at) => [
      { from: 'p3', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'client', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'without a detector no ClusterIP traffic is masqueraded by its source',
    settings: () => ({ detectLocal: { mode: 'None' } }),
    objects: web,
    cases: (at) => [
      { from: 'p3', to: at.vip(50), port: 80, expect: reaches(at, ['p1', 'r1']) },
      { from: 'client', to: at.vip(50), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'NodeCIDR: only pods of this node keep their address',
    settings: () => ({ detectLocal: { mode: 'NodeCIDR' } }),
    objects: (at) => [node({ name: 'node-a', addresses: [at.node], podCIDRs: [at.nodePods] }), ...web(at)],
    cases: (at) => [
      { from: 'p3', to: at.vip(50), port: 80, expect: reaches(at, ['p1', 'r1']) },
      { from: 'r2', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'client', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'ClusterCIDR: pods of other nodes keep their address as well',
    objects: (at) => [
      service({ name: 'near', clusterIPs: [at.vip(52)], ports: [{ port: 80 }] }),
      slice({ of: 'near', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'p2']) }),
    ],
    cases: (at) => [{ from: 'r2', to: at.vip(52), port: 80, expect: reaches(at, ['p1', 'p2']) }],
  },
  {
    name: 'InterfaceNamePrefix: what comes in by a pod link keeps its address',
    settings: () => ({ detectLocal: { mode: 'InterfaceNamePrefix', prefix: 'veth-' } }),
    objects: web,
    cases: interfaceCases,
  },
  {
    name: 'BridgeInterface: what comes in by the bridge keeps its address',
    settings: () => ({ detectLocal: { mode: 'BridgeInterface', name: 'cni0' } }),
    bridge: true,
    objects: web,
    cases: interfaceCases,
  },
  {
    name: 'a pod that reaches itself through its Service is masqueraded, or the answer would not come back',
    objects: (at) => [
      service({
        name: 'self',
        type: 'NodePort',
        clusterIPs: [at.vip(51)],
        ports: [{ port: 80, nodePort: 30051 }],
      }),
      slice({ of: 'self', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
    ],
    cases: (at) => [
      { from: 'p1', to: at.vip(51), port: 80, expect: reaches(at, ['p1']) },
      { from: 'p1', to: at.node, port: 30051, expect: reachesMasqueraded(at, ['p1']) },
      { from: 'p1', to: at.vip(51), port: 80, protocol: 'UDP', expect: { verdict: 'none' } },
    ],
  },
  {
    name: 'another mark bit does the same',
    settings: () => ({ masqueradeBit: 31 }),
    objects: web,
    cases: (at) => [
      { from: 'p3', to: at.vip(50), port: 80, expect: reaches(at, ['p1', 'r1']) },
      { from: 'client', to: at.node, port: 30050, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
];

function web(at: Places) {
  return [
    service({
      name: 'web',
      type: 'NodePort',
      clusterIPs: [at.vip(50)],
      ports: [{ port: 80, nodePort: 30050 }],
    }),
    slice({ of: 'web', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'r1']) }),
  ];
}

function interfaceCases(at: Places) {
  return [
    { from: 'p3', to: at.vip(50), port: 80, expect: reaches(at, ['p1', 'r1']) },
    { from: 'r2', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    { from: 'client', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    { from: 'node-a', to: at.vip(50), port: 80, expect: reachesMasqueraded(at, ['p1', 'r1']) },
  ] as const;
}
