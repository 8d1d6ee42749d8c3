import { type Family, familyOf } from '../../src/model/address.ts';
import type { PodName } from './places.ts';

/** Any part of a Kubernetes object. */
export type Json = Readonly<Record<string, unknown>>;

export interface PortOptions {
  readonly name?: string;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
  readonly nodePort?: number;
}

export interface ServiceOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly clusterIPs: readonly string[];
  readonly ports: readonly PortOptions[];
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  readonly labels?: Json;
  /** `status.loadBalancer.ingress`. */
  readonly ingress?: readonly Json[];
  /** More of `spec`. */
  readonly spec?: Json;
}

/** A Service as the API server would give it. */
export function service(options: ServiceOptions): Json {
  const {
    name,
    namespace = 'default',
    clusterIPs,
    ports,
    type = 'ClusterIP',
    labels,
    ingress,
    spec,
  } = options;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, ...(labels === undefined ? {} : { labels }) },
    spec: { type, clusterIP: clusterIPs[0], clusterIPs, ports, ...spec },
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress } } }),
  };
}

export interface EndpointOptions {
  readonly address: string;
  /** The node that the pod runs on. */
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly forNodes?: readonly string[];
  readonly forZones?: readonly string[];
}

export interface SliceOptions {
  /** Name of the Service. */
  readonly of: string;
  readonly namespace?: string;
  /** Suffix of the slice's own name. */
  readonly suffix?: string;
  readonly family?: Family;
  readonly ports: readonly Omit<PortOptions, 'nodePort'>[];
  readonly endpoints: readonly EndpointOptions[];
}

/** An EndpointSlice as the controller writes it. */
export function slice(options: SliceOptions): Json {
  const { of, namespace = 'default', suffix = 'a1b2c', ports, endpoints } = options;
  const family = options.family ?? familyOf(endpoints[0]?.address ?? '0.0.0.0');
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${of}-${suffix}`,
      labels: { 'kubernetes.io/service-name': of },
    },
    addressType: family,
    ports: ports.map(({ name = '', protocol = 'TCP', port }) => ({ name, protocol, port })),
    endpoints: endpoints.map(endpointObject),
  };
}

export interface NodeOptions {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly zone?: string;
  readonly podCIDRs?: readonly string[];
}

export function node({ name, addresses, zone, podCIDRs = [] }: NodeOptions): Json {
  const labels = zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { podCIDRs },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

/** The node that a pod of the world runs on. */
export function nodeOf(pod: PodName): 'node-a' | 'node-b' {
  return pod.startsWith('p') ? 'node-a' : 'node-b';
}

function endpointObject({
  address,
  node: nodeName,
  forNodes,
  forZones,
  ...conditions
}: EndpointOptions): Json {
  const hints = {
    ...(forNodes === undefined ? {} : { forNodes: forNodes.map((name) => ({ name })) }),
    ...(forZones === undefined ? {} : { forZones: forZones.map((name) => ({ name })) }),
  };
  return {
    addresses: [address],
    conditions,
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(Object.keys(hints).length === 0 ? {} : { hints }),
  };
}
