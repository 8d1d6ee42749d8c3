import { binary } from './binaries.ts';

/** Before the first test, so that no test's time is spent on building. */
export async function setup(): Promise<void> {
  for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm'] as const)
    await binary(name);
}
