import { node, service, slice } from '../objects.ts';
import type { Places } from '../places.ts';
import {
  type Case,
  dropped,
  podEndpoints,
  reachesMasqueraded,
  type Scenario,
  untouched,
} from '../scenario.ts';

/** Which addresses of the node answer NodePorts. */
export const nodePorts: readonly Scenario[] = [
  {
    name: 'nodePortAddresses by network: only addresses inside answer',
    settings: (at) => ({
      nodePortAddresses: {
        kind: 'cidrs',
        cidrs: [at.family === 'IPv4' ? '192.168.50.0/24' : 'fd00:50::/64'],
      },
    }),
    nodeAddresses: (at) => [at.external(201)],
    objects: web,
    cases: (at) => onlyMain(at),
  },
  {
    name: 'nodePortAddresses primary: only the Node object’s address answers',
    settings: () => ({ nodePortAddresses: { kind: 'primary' } }),
    nodeAddresses: (at) => [at.external(201)],
    objects: (at) => [node({ name: 'node-a', addresses: [at.node] }), ...web(at)],
    cases: (at) => onlyMain(at),
  },
  {
    name: 'nodePortAddresses of the other family only: every address of this one answers',
    settings: (at) => ({
      nodePortAddresses: {
        kind: 'cidrs',
        cidrs: [at.family === 'IPv4' ? 'fd00:50::/64' : '192.168.50.0/24'],
      },
    }),
    nodeAddresses: (at) => [at.external(201)],
    objects: web,
    cases: (at) => [
      { from: 'client', to: at.node, port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'client', to: at.external(201), port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'a network of length 0 means every address',
    settings: () => ({ nodePortAddresses: { kind: 'cidrs', cidrs: ['0.0.0.0/0', '::/0'] } }),
    nodeAddresses: (at) => [at.external(201)],
    objects: web,
    cases: (at) => [
      { from: 'client', to: at.external(201), port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'NodePorts answer on 127.0.0.1, and nothing else of it can be reached from outside',
    families: ['IPv4'],
    objects: web,
    cases: (at) => [
      { from: 'node-a', to: '127.0.0.1', port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      {
        from: 'client',
        to: '127.0.0.1',
        port: 10250,
        expect: dropped,
        notReal: 'no client sends to 127.0.0.1',
      },
    ],
  },
  {
    name: 'NodePorts do not answer on ::1',
    families: ['IPv6'],
    objects: web,
    cases: () => [{ from: 'node-a', to: '::1', port: 30060, expect: untouched }],
  },
  {
    name: 'NodePorts do not answer on 127.0.0.1 when that is turned off, and do elsewhere',
    families: ['IPv4'],
    settings: () => ({ localhostNodePorts: false }),
    objects: web,
    cases: (at) => [
      { from: 'node-a', to: '127.0.0.1', port: 30060, expect: untouched },
      { from: 'client', to: at.node, port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    ],
  },
];

function onlyMain(at: Places): readonly Case[] {
  return [
    { from: 'client', to: at.node, port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    { from: 'p2', to: at.node, port: 30060, expect: reachesMasqueraded(at, ['p1', 'r1']) },
    { from: 'client', to: at.external(201), port: 30060, expect: untouched },
    { from: 'node-a', to: at.loopback, port: 30060, expect: untouched },
  ];
}

function web(at: Places) {
  return [
    service({
      name: 'web',
      type: 'NodePort',
      clusterIPs: [at.vip(60)],
      ports: [{ port: 80, nodePort: 30060 }],
    }),
    slice({ of: 'web', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'r1']) }),
  ];
}
