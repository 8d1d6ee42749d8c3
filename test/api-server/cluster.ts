import type { Json } from './resources.ts';

/** How big a synthetic cluster is. */
export interface ClusterSize {
  readonly services: number;
  /** Of each Service. */
  readonly endpoints: number;
  readonly nodes?: number;
  readonly seed?: number;
}

/** Node, ServiceCIDR, Services and their EndpointSlices, with labels and annotations as Helm and the controllers write them. */
export function* clusterObjects({ services, endpoints, nodes = 20, seed = 1 }: ClusterSize): Generator<Json> {
  const random = createRandom(seed);
  yield* Array.from({ length: nodes }, (_, index) => node(index));
  yield {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: ['172.20.0.0/14'] },
  };
  for (let index = 0; index < services; index += 1) {
    yield serviceOf(index);
    yield sliceOf(index, endpoints, nodes, random);
  }
}

function nodeNameOf(index: number): string {
  return `node-${String(index).padStart(4, '0')}`;
}

function serviceOf(index: number): Json {
  const name = nameOf(index);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: namespaceOf(index),
      labels: labels(name),
      annotations: {
        'meta.helm.sh/release-name': name,
        'meta.helm.sh/release-namespace': namespaceOf(index),
        'kubectl.kubernetes.io/last-applied-configuration': `{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{},"name":"${name}","namespace":"${namespaceOf(index)}"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":"http"}],"selector":{"app.kubernetes.io/name":"${name}"},"type":"ClusterIP"}}\n`,
      },
    },
    spec: {
      clusterIP: clusterIpOf(index),
      clusterIPs: [clusterIpOf(index)],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'http', port: 80, protocol: index % 50 === 49 ? 'UDP' : 'TCP', targetPort: 'http' }],
      selector: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': name },
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
}

/** @param random picks the nodes of the pods. @param shift moves all pods to other addresses. */
function sliceOf(index: number, endpoints: number, nodes: number, random: () => number, shift = 0): Json {
  const name = nameOf(index);
  return {
    addressType: 'IPv4',
    apiVersion: 'discovery.k8s.io/v1',
    endpoints: Array.from({ length: endpoints }, (_, n) => ({
      addresses: [podIpOf(index * endpoints + n + shift)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: nodeNameOf(Math.floor(random() * nodes)),
      targetRef: {
        kind: 'Pod',
        name: `${name}-7d9c6b8f5-${(index * 31 + n).toString(36).padStart(5, 'x')}`,
        namespace: namespaceOf(index),
        uid: `0b5e1c52-6f0a-4d7e-9c1b-${String(index * endpoints + n).padStart(12, '0')}`,
      },
      zone: `zone-${n % 3}`,
    })),
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${(index + 46_656).toString(36).slice(-5).padStart(5, 'z')}`,
      generateName: `${name}-`,
      namespace: namespaceOf(index),
      labels: {
        ...labels(name),
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': name,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-05T10:00:00Z' },
      ownerReferences: [
        { apiVersion: 'v1', blockOwnerDeletion: true, controller: true, kind: 'Service', name, uid: name },
      ],
    },
    ports: [{ name: 'http', port: 8080, protocol: index % 50 === 49 ? 'UDP' : 'TCP' }],
  };
}

function node(index: number): Json {
  const name = nodeNameOf(index);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/zone': `zone-${index % 3}`,
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: { podCIDR: `10.128.${index % 256}.0/24`, podCIDRs: [`10.128.${index % 256}.0/24`] },
    status: {
      addresses: [
        { type: 'InternalIP', address: `192.0.2.${(index % 250) + 1}` },
        { type: 'Hostname', address: name },
      ],
      conditions: [
        { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
      ],
      nodeInfo: { kubeletVersion: 'v1.36.3', operatingSystem: 'linux', architecture: 'amd64' },
    },
  };
}

function labels(name: string): Json {
  return {
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/managed-by': 'Helm',
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/version': '1.4.2',
    'helm.sh/chart': `${name}-0.3.1`,
  };
}

function nameOf(index: number): string {
  return `service-${String(index).padStart(5, '0')}`;
}

function namespaceOf(index: number): string {
  return `team-${String(index % 40).padStart(2, '0')}`;
}

/** 40,503 is odd, so the addresses are scattered over the network as those of a real server, each once in 65,536. */
function clusterIpOf(index: number): string {
  const place = (index + 1) * 40_503;
  return `172.${20 + ((index >> 16) & 3)}.${(place >> 8) & 255}.${place & 255}`;
}

function podIpOf(number: number): string {
  return `10.${130 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
}

/** Mulberry32: the same numbers for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
