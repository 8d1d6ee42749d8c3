// What kind, helm and the API server of the kind cluster are given.

export const cluster = 'nodeplane';

/** kind v0.33.0 built it; others may work with other versions of kind (`--node-image`). */
export const nodeImage =
  'kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed';

export const podNetworks = ['10.244.0.0/16', 'fd00:10:244::/56'] as const;

/** Three nodes, both families, and nobody who serves Services. */
export const kindConfig = {
  kind: 'Cluster',
  apiVersion: 'kind.x-k8s.io/v1alpha4',
  networking: { kubeProxyMode: 'none', ipFamily: 'dual', podSubnet: podNetworks.join(',') },
  nodes: [{ role: 'control-plane' }, { role: 'worker' }, { role: 'worker' }],
} as const;

/** Values of the chart. The control plane's container answers under its name on docker's network, ClusterIP or not. */
export function chartValues(tag: string) {
  return {
    image: { tag, pullPolicy: 'Never' },
    apiServer: { from: 'address', host: `${cluster}-control-plane`, port: 6443 },
    // kind's nodes are containers: there these sysctls cannot be set, and kind's own kube-proxy does not try.
    config: {
      kubeProxy: {
        clusterCIDR: podNetworks.join(','),
        conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
      },
    },
  } as const;
}

/** The test image of Kubernetes' own end-to-end tests: an HTTP server that tells its host name, and curl. */
export const agnhost = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';

/** Servers that end gracefully, a Service of each kind for them, and a pod that calls. */
export const workload = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 20,
          containers: [
            {
              name: 'web',
              image: agnhost,
              args: ['netexec', '--http-port=8080', '--delay-shutdown=10'],
              readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      type: 'LoadBalancer',
      ipFamilyPolicy: 'RequireDualStack',
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080 }],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client' },
    spec: { containers: [{ name: 'client', image: agnhost, args: ['pause'] }] },
  },
] as const;

/** Kept for documentation (RFC 5737, RFC 3849): nobody routes them, so only rules of the node can answer. */
export const balancerAddresses = ['203.0.113.10', '2001:db8::10'] as const;
