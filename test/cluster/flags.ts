import { join } from 'node:path';

export const ports = { apiServer: 6443, etcd: 2379, etcdPeers: 2380 } as const;

/** Where clusterIP() of netns/addresses.ts takes its addresses from; the first of each is the API's own Service. */
const serviceNetworks = '172.30.0.0/24,fd00:172:30::/112';

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
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${flags.key}`,
    `--service-account-key-file=${flags.certificate}`,
    `--service-cluster-ip-range=${serviceNetworks}`,
    '--service-node-port-range=30000-32767',
    '--max-requests-inflight=100',
    '--max-mutating-requests-inflight=50',
    '--profiling=false',
    '--v=0',
  ];
}
