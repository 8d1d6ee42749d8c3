import { type Json, service, slice } from '../conformance/objects.ts';

export interface BalancerOptions {
  readonly clusterIPs?: readonly string[];
  readonly healthCheckNodePort?: number;
  readonly uid?: string;
}

/** A Service that load balancers ask about: policy Local and one port `http`. */
export function balancer(name: string, options: BalancerOptions = {}): Json {
  const { clusterIPs = ['172.30.0.1'], healthCheckNodePort = 32_000, uid } = options;
  const made = service({
    name,
    type: 'LoadBalancer',
    clusterIPs,
    ports: [{ name: 'http', port: 80 }],
    spec: { externalTrafficPolicy: 'Local', healthCheckNodePort },
  });
  return uid === undefined ? made : { ...made, metadata: { ...Object(made['metadata']), uid } };
}

/** Endpoints on node-a, all ready. */
export function localSlice(of: string, addresses: readonly string[], suffix = 'four'): Json {
  const endpoints = addresses.map((address) => ({ address, node: 'node-a' }));
  return slice({ of, suffix, ports: [{ name: 'http', port: 8080 }], endpoints });
}
