import { join } from 'node:path';

export const ports = { apiServer: 6443, etcd: 2379, etcdPeers: 2380 } as const;

/** clusterIP() of netns/addresses.ts takes its addresses from the first 256 of each; the very first is the API's own Service. */
export const serviceNetworks: readonly string[] = ['172.30.0.0/16', 'fd00:172:30::/112'];

/** Not a byte must outlive the test. */
export function etcdArguments(directory: string): readonly string[] {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeers}`;
  return [
    '--name=test',
    `--data-dir=${join(directory, 'etcd')}`,
    '--unsafe-no-fsync',
    '--snapshot-count=10000',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`,
    '--log-level=warn',
  ];
}

/** Paths, and the address that the Service `kubernetes` leads to. */
interface ApiServerFlags {
  readonly directory: string;
  readonly advertised: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly serviceNetworks: readonly string[];
}

/** Kubernetes' defaults, but for what a small machine needs. Tests compact the storage themselves. */
export function apiServerArguments(flags: ApiServerFlags): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--etcd-compaction-interval=0',
    `--advertise-address=${flags.advertised}`,
    '--bind-address=::',
    `--secure-port=${ports.apiServer}`,
    `--tls-cert-file=${flags.certificate}`,
    `--tls-private-key-file=${flags.key}`,
    `--client-ca-file=${flags.authority}`,
    `--cert-dir=${join(flags.directory, 'made-by-apiserver')}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${flags.key}`,
    `--service-account-key-file=${flags.certificate}`,
    `--service-cluster-ip-range=${flags.serviceNetworks.join()}`,
    '--service-node-port-range=30000-32767',
    '--max-requests-inflight=200',
    '--max-mutating-requests-inflight=100',
    '--profiling=false',
    '--v=0',
  ];
}

/**
 * What makes Pods and EndpointSlices out of what users write, and clears away after them. Left out: node-lifecycle and taint eviction
 * (nobody sends heartbeats: it would empty all nodes), whatever needs a cloud, volumes or certificates, the Endpoints that no proxy reads any
 * more, and Secrets with tokens (the API server itself answers requests for tokens).
 */
const controllers: readonly string[] = [
  'deployment-controller',
  'replicaset-controller',
  'daemonset-controller',
  'statefulset-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
  'service-cidr-controller',
  'serviceaccount-controller',
  'namespace-controller',
  'garbage-collector-controller',
];

/**
 * As kubeadm starts it, each controller with its own account, but alone: nobody to elect, nobody to answer. Changes of Pods are in slices at once
 * (`--endpointslice-updates-batch-period` is 0 by default), and a burst of our size is not held back.
 */
export function controllerManagerArguments(kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join()}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--secure-port=0',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    '--min-resync-period=1h',
    '--profiling=false',
    '--v=0',
  ];
}
