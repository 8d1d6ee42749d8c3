import { describe, expect, it } from 'vitest';
import {
  type EndpointOptions,
  type Json,
  type ServiceOptions,
  service,
  slice,
} from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { values } from '../model/immutable-map.ts';
import { type DecisionContext, decide } from './decide.ts';
import type { Route } from './route.ts';

const context: DecisionContext = {
  family: 'IPv4',
  position: { nodeName: 'node-a', zone: undefined },
  localPods: { kind: 'source-network', cidr: '10.244.0.0/16' },
  masqueradeAll: false,
  nodeAddress: '192.168.50.11',
};

function routes(
  objects: readonly Json[],
  change: Partial<DecisionContext> = {},
): readonly (Route | undefined)[] {
  return [...values(snapshotOf(objects).servicePorts)]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((port) => decide(port, { ...context, ...change }));
}

function web(options: Partial<ServiceOptions>, ...endpoints: readonly EndpointOptions[]): readonly Json[] {
  return [
    service({ name: 'web', clusterIPs: ['172.30.0.41'], ports: [{ name: 'http', port: 80 }], ...options }),
    slice({ of: 'web', family: 'IPv4', ports: [{ name: 'http', port: 8080 }], endpoints }),
  ];
}

describe('a decision', () => {
  it('holds everything that a dialect needs', () => {
    const objects = web(
      {
        type: 'LoadBalancer',
        ports: [{ name: 'http', port: 80, nodePort: 30080 }],
        ingress: [
          { ip: '198.51.100.4' },
          { ip: '198.51.100.5', ipMode: 'Proxy' },
          { hostname: 'lb.example' },
        ],
        spec: {
          externalIPs: ['192.0.2.4'],
          externalTrafficPolicy: 'Local',
          healthCheckNodePort: 32004,
          sessionAffinity: 'ClientIP',
          loadBalancerSourceRanges: ['192.168.0.0/16'],
        },
      },
      { address: '10.244.2.2', node: 'node-b' },
      { address: '10.244.1.1', node: 'node-a' },
    );
    const here = { address: '10.244.1.1', port: 8080 };
    const there = { address: '10.244.2.2', port: 8080 };
    const balance = (over: string, masquerade: boolean) => ({ kind: 'balance', over, masquerade });
    expect(routes(objects)).toEqual([
      {
        key: 'default/web:http/tcp',
        name: 'default/web:http',
        family: 'IPv4',
        protocol: 'TCP',
        port: 80,
        endpoints: { cluster: [here, there], local: [here] },
        clusterIPs: ['172.30.0.41'],
        internal: [
          { source: 'not-local-pods', action: balance('cluster', true) },
          { source: 'any', action: balance('cluster', false) },
        ],
        externalAddresses: [
          { kind: 'external-ip', address: '192.0.2.4', sourceRanges: [], sourceAddresses: [] },
          {
            kind: 'load-balancer',
            address: '198.51.100.4',
            sourceRanges: ['192.168.0.0/16'],
            sourceAddresses: ['198.51.100.4'],
          },
        ],
        nodePort: 30080,
        external: [
          { source: 'local-pods', action: balance('cluster', false) },
          { source: 'node', action: balance('cluster', true) },
          { source: 'any', action: balance('local', false) },
        ],
        affinitySeconds: 10_800,
        healthCheckNodePort: 32004,
      },
    ]);
  });

  it('is none in a family without a ClusterIP', () => {
    expect(routes(web({}, { address: '10.244.1.1' }), { family: 'IPv6' })).toEqual([undefined]);
  });

  it('is one for each port and protocol', () => {
    const objects = web({
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53 },
      ],
    });
    expect(routes(objects).map((route) => `${route?.key} ${route?.port}`)).toEqual([
      'default/web:dns-tcp/tcp 53',
      'default/web:dns/udp 53',
      'default/web:http/tcp 80',
    ]);
  });

  it('sorts endpoints by their text, as the rules of kube-proxy do', () => {
    const [route] = routes(
      web({}, { address: '10.0.0.2' }, { address: '10.0.0.10' }, { address: '10.0.0.1' }),
    );
    expect(route?.endpoints.cluster.map(({ address }) => address)).toEqual([
      '10.0.0.10',
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  it('takes the port of the slice, which may differ from one endpoint to another', () => {
    const objects = [
      ...web({}, { address: '10.0.0.1' }),
      slice({
        of: 'web',
        suffix: 'b',
        ports: [{ name: 'http', port: 9090 }],
        endpoints: [{ address: '10.0.0.2' }],
      }),
    ];
    expect(routes(objects)[0]?.endpoints.cluster).toEqual([
      { address: '10.0.0.1', port: 8080 },
      { address: '10.0.0.2', port: 9090 },
    ]);
  });
});
