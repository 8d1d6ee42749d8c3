import { service, slice } from '../objects.ts';
import {
  podEndpoints,
  reaches,
  reachesMasqueraded,
  rejected,
  type Scenario,
  untouched,
} from '../scenario.ts';

/** What each kind of Service and each of its addresses does. */
export const serviceTypes: readonly Scenario[] = [
  {
    name: 'a ClusterIP is balanced over ready endpoints, and masqueraded for who is not a pod',
    objects: (at) => [
      service({ name: 'web', clusterIPs: [at.vip(1)], ports: [{ port: 80 }] }),
      slice({ of: 'web', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'p2', 'r1']) }),
    ],
    cases: (at) => [
      { from: 'p1', to: at.vip(1), port: 80, expect: reaches(at, ['p1', 'p2', 'r1']) },
      { from: 'p3', to: at.vip(1), port: 80, expect: reaches(at, ['p1', 'p2', 'r1']) },
      { from: 'node-a', to: at.vip(1), port: 80, expect: reachesMasqueraded(at, ['p1', 'p2', 'r1']) },
      { from: 'client', to: at.vip(1), port: 80, expect: reachesMasqueraded(at, ['p1', 'p2', 'r1']) },
      { from: 'p1', to: at.vip(1), port: 81, expect: untouched },
      { from: 'p1', to: at.vip(1), port: 80, protocol: 'UDP', expect: untouched },
      { from: 'p1', to: at.vip(2), port: 80, expect: untouched },
      { from: 'p1', to: at.pod('p2'), port: 8080, expect: untouched },
    ],
  },
  {
    name: 'ports of a Service are independent, by protocol and by name',
    objects: (at) => [
      service({
        name: 'dns',
        clusterIPs: [at.vip(10)],
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
          { name: 'metrics', port: 9153 },
        ],
      }),
      slice({
        of: 'dns',
        ports: [
          { name: 'dns', port: 8081, protocol: 'UDP' },
          { name: 'dns-tcp', port: 8082, protocol: 'TCP' },
          { name: 'metrics', port: 8083 },
        ],
        endpoints: podEndpoints(at, ['p1', 'p2']),
      }),
    ],
    cases: (at) => [
      { from: 'p3', to: at.vip(10), port: 53, protocol: 'UDP', expect: reaches(at, ['p1', 'p2'], 8081) },
      { from: 'p3', to: at.vip(10), port: 53, protocol: 'TCP', expect: reaches(at, ['p1', 'p2'], 8082) },
      { from: 'p3', to: at.vip(10), port: 9153, expect: reaches(at, ['p1', 'p2'], 8083) },
    ],
  },
  {
    name: 'a named target port may differ from endpoint to endpoint, in slices of their own',
    objects: (at) => [
      service({ name: 'mixed', clusterIPs: [at.vip(11)], ports: [{ name: 'http', port: 80 }] }),
      slice({
        of: 'mixed',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: podEndpoints(at, ['p1']),
      }),
      slice({
        of: 'mixed',
        suffix: 'd3e4f',
        ports: [{ name: 'http', port: 8081 }],
        endpoints: podEndpoints(at, ['r1']),
      }),
    ],
    cases: (at) => [
      {
        from: 'p3',
        to: at.vip(11),
        port: 80,
        expect: {
          verdict: 'forward',
          masquerade: false,
          endpoints: [
            { address: at.pod('p1'), port: 8080 },
            { address: at.pod('r1'), port: 8081 },
          ],
        },
      },
    ],
  },
  {
    name: 'a NodePort answers on every address of the node, masqueraded, and the ClusterIP goes on',
    nodeAddresses: (at) => [at.external(200)],
    objects: (at) => [
      service({
        name: 'web',
        type: 'NodePort',
        clusterIPs: [at.vip(12)],
        ports: [{ port: 80, nodePort: 30080 }],
      }),
      slice({ of: 'web', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'r1']) }),
    ],
    cases: (at) => [
      { from: 'client', to: at.node, port: 30080, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'client', to: at.external(200), port: 30080, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'p2', to: at.node, port: 30080, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'node-a', to: at.node, port: 30080, expect: reachesMasqueraded(at, ['p1', 'r1']) },
      { from: 'client', to: at.otherNode, port: 30080, expect: untouched },
      { from: 'client', to: at.node, port: 30081, expect: untouched },
      { from: 'client', to: at.node, port: 30080, protocol: 'UDP', expect: untouched },
      { from: 'p2', to: at.vip(12), port: 80, expect: reaches(at, ['p1', 'r1']) },
    ],
  },
  {
    name: 'a load balancer address and an external IP are taken on the node',
    objects: (at) => [
      service({
        name: 'shop',
        type: 'LoadBalancer',
        clusterIPs: [at.vip(13)],
        ports: [{ port: 443, nodePort: 30443 }],
        ingress: [{ ip: at.balancer(1) }, { ip: at.balancer(2), ipMode: 'VIP' }],
        spec: { externalIPs: [at.external(1)] },
      }),
      slice({ of: 'shop', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1', 'p2']) }),
    ],
    cases: (at) => [
      { from: 'client', to: at.balancer(1), port: 443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'client', to: at.balancer(2), port: 443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'client', to: at.external(1), port: 443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'client', to: at.node, port: 30443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'p3', to: at.balancer(1), port: 443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'node-a', to: at.external(1), port: 443, expect: reachesMasqueraded(at, ['p1', 'p2']) },
      { from: 'client', to: at.balancer(1), port: 80, expect: untouched },
    ],
  },
  {
    name: 'a load balancer address with ipMode Proxy, or a hostname, is left to the load balancer',
    objects: (at) => [
      service({
        name: 'proxied',
        type: 'LoadBalancer',
        clusterIPs: [at.vip(14)],
        ports: [{ port: 80 }],
        ingress: [{ ip: at.balancer(3), ipMode: 'Proxy' }, { hostname: 'lb.example.com' }],
        spec: { allocateLoadBalancerNodePorts: false },
      }),
      slice({ of: 'proxied', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
    ],
    cases: (at) => [
      { from: 'p2', to: at.balancer(3), port: 80, expect: untouched },
      { from: 'p2', to: at.vip(14), port: 80, expect: reaches(at, ['p1']) },
    ],
  },
  {
    name: 'external IPs work for any type of Service',
    objects: (at) => [
      service({
        name: 'ext',
        clusterIPs: [at.vip(15)],
        ports: [{ port: 80 }],
        spec: { externalIPs: [at.external(2)] },
      }),
      slice({ of: 'ext', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['r1', 'r2']) }),
    ],
    cases: (at) => [
      { from: 'client', to: at.external(2), port: 80, expect: reachesMasqueraded(at, ['r1', 'r2']) },
    ],
  },
  {
    name: 'headless, ExternalName and foreign Services are not touched, whatever slices they have',
    objects: (at) => [
      service({ name: 'headless', clusterIPs: ['None'], ports: [{ port: 80 }] }),
      slice({ of: 'headless', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
      service({
        name: 'name',
        type: 'ExternalName',
        clusterIPs: [],
        ports: [],
        spec: { externalName: 'a.b' },
      }),
      service({
        name: 'foreign',
        clusterIPs: [at.vip(16)],
        ports: [{ port: 80 }],
        labels: { 'service.kubernetes.io/service-proxy-name': '' },
      }),
      slice({ of: 'foreign', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
      service({ name: 'ours', clusterIPs: [at.vip(17)], ports: [{ port: 80 }] }),
      slice({ of: 'ours', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
    ],
    cases: (at) => [
      { from: 'p2', to: at.vip(16), port: 80, expect: untouched },
      { from: 'p2', to: at.vip(17), port: 80, expect: reaches(at, ['p1']) },
    ],
  },
  {
    name: 'a dual-stack Service works in both families, a single-stack one in its own only',
    families: ['IPv4'],
    objects: (at) => [
      service({ name: 'dual', clusterIPs: [at.vip(18), 'fd00:172:30::18'], ports: [{ port: 80 }] }),
      slice({ of: 'dual', ports: [{ port: 8080 }], endpoints: podEndpoints(at, ['p1']) }),
      slice({
        of: 'dual',
        suffix: 'v6',
        ports: [{ port: 8081 }],
        endpoints: [{ address: 'fd00:10:244:1::12', node: 'node-a' }],
      }),
      service({
        name: 'six',
        clusterIPs: ['fd00:172:30::19'],
        ports: [{ port: 80, nodePort: 30019 }],
        type: 'NodePort',
      }),
      slice({
        of: 'six',
        ports: [{ port: 8081 }],
        endpoints: [{ address: 'fd00:10:244:1::12', node: 'node-a' }],
      }),
    ],
    cases: (at) => [
      { from: 'p2', to: at.vip(18), port: 80, expect: reaches(at, ['p1']) },
      { from: 'client', to: at.node, port: 30019, expect: untouched },
    ],
  },
  {
    name: 'addresses with leading zeros are those without',
    families: ['IPv4'],
    objects: () => [
      service({ name: 'old', clusterIPs: ['172.030.000.020'], ports: [{ port: 80 }] }),
      slice({
        of: 'old',
        ports: [{ port: 8080 }],
        endpoints: [{ address: '010.244.001.011', node: 'node-a' }],
      }),
    ],
    cases: (at) => [{ from: 'p2', to: at.vip(20), port: 80, expect: reaches(at, ['p1']) }],
  },
  {
    name: 'SCTP ports are translated like others',
    objects: (at) => [
      service({
        name: 'sctp',
        type: 'NodePort',
        clusterIPs: [at.vip(21)],
        ports: [{ port: 3868, protocol: 'SCTP', nodePort: 30868 }],
      }),
      slice({
        of: 'sctp',
        ports: [{ port: 8080, protocol: 'SCTP' }],
        endpoints: podEndpoints(at, ['p1', 'r1']),
      }),
    ],
    cases: (at) => [
      {
        from: 'p2',
        to: at.vip(21),
        port: 3868,
        protocol: 'SCTP',
        expect: reaches(at, ['p1', 'r1']),
        notReal: 'kernels of test machines have no SCTP sockets',
      },
      {
        from: 'client',
        to: at.node,
        port: 30868,
        protocol: 'SCTP',
        expect: reachesMasqueraded(at, ['p1', 'r1']),
        notReal: 'kernels of test machines have no SCTP sockets',
      },
      { from: 'p2', to: at.vip(21), port: 3868, expect: untouched },
    ],
  },
  {
    name: 'the health-check port of a load balancer passes the filter, also before there is an endpoint',
    objects: (at) => [
      service({
        name: 'checked',
        type: 'LoadBalancer',
        clusterIPs: [at.vip(22)],
        ports: [{ port: 80, nodePort: 30022 }],
        ingress: [{ ip: at.balancer(4) }],
        spec: { externalTrafficPolicy: 'Local', healthCheckNodePort: 32022 },
      }),
    ],
    cases: (at) => [
      { from: 'client', to: at.node, port: 32022, expect: untouched },
      { from: 'client', to: at.node, port: 30022, expect: rejected },
    ],
  },
];
