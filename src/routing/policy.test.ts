import { expect, it } from 'vitest';
import type { PortSpec, Service } from '../model/service.ts';
import { policyUse } from './policy.ts';

const plain: Service = {
  namespace: 'default',
  name: 'web',
  uid: undefined,
  type: 'ClusterIP',
  clusterIPs: ['172.30.0.41'],
  externalIPs: [],
  loadBalancerIPs: [],
  loadBalancerSourceRanges: [],
  ports: [],
  affinitySeconds: undefined,
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  healthCheckNodePort: 0,
};

const localOut = { externalTrafficPolicy: 'Local' } as const;
const localIn = { internalTrafficPolicy: 'Local' } as const;

type Row = readonly [string, Partial<Service>, number, string, string, boolean, boolean, boolean];

const rows: readonly Row[] = [
  // what, Service, nodePort, internal, external, accessible, cluster set, local set
  ['a ClusterIP', {}, 0, 'Cluster', 'Cluster', false, true, false],
  ['iTP Local', localIn, 0, 'Local', 'Cluster', false, false, true],
  ['eTP Local without a way in', localOut, 0, 'Cluster', 'Cluster', false, true, false],
  [
    'eTP Local of a ClusterIP with external IPs',
    { ...localOut, externalIPs: ['192.0.2.1'] },
    0,
    'Cluster',
    'Local',
    true,
    true,
    true,
  ],
  ['a NodePort', { type: 'NodePort' }, 30080, 'Cluster', 'Cluster', true, true, false],
  ['eTP Local of a NodePort', { type: 'NodePort', ...localOut }, 30080, 'Cluster', 'Local', true, true, true],
  ['iTP Local of a NodePort', { type: 'NodePort', ...localIn }, 30080, 'Local', 'Cluster', true, true, true],
  ['both Local', { type: 'NodePort', ...localIn, ...localOut }, 30080, 'Local', 'Local', true, true, true],
  [
    'a balancer without NodePort',
    { type: 'LoadBalancer', loadBalancerIPs: ['198.51.100.1'], ...localOut },
    0,
    'Cluster',
    'Local',
    true,
    true,
    true,
  ],
  [
    'a balancer without address and NodePort',
    { type: 'LoadBalancer', ...localOut, ...localIn },
    0,
    'Local',
    'Local',
    false,
    false,
    true,
  ],
];

it.each(rows)(
  'policies of %s',
  (_, service, nodePort, internal, external, externallyAccessible, cluster, local) => {
    const port: PortSpec = { name: '', protocol: 'TCP', port: 80, nodePort };
    expect(policyUse({ ...plain, ...service }, port, 'IPv4')).toEqual({
      internal,
      external,
      externallyAccessible,
      cluster,
      local,
    });
  },
);
