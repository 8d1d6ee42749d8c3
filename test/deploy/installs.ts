import { hasKubectl, kustomize, type Manifest, objectsOf, read } from './manifests.ts';

/** One way to install without helm. */
export interface Install {
  readonly name: string;
  readonly objects: () => readonly Manifest[];
  /** Kinds and names of what must be there before. */
  readonly needs: readonly string[];
  /** Rendering it takes kubectl, and there is none. */
  readonly skipped: boolean;
}

const skipped = !hasKubectl();
const overlay = (name: string, needs: readonly string[]): Install => {
  return { name, objects: once(() => kustomize(`overlays/${name}`)), needs, skipped };
};

export const installs: readonly Install[] = [
  {
    name: 'nodeplane.yaml',
    objects: once(() => objectsOf(read('deploy/nodeplane.yaml'))),
    needs: ['nodeplane-api-server'],
    skipped: false,
  },
  overlay('kubeadm', ['kube-proxy']),
  overlay('side-by-side', []),
];

/** kube-proxy's ConfigMap as kubeadm writes it. */
export const kubeadmFiles = { 'config.conf': read('test/testdata/config/kubeadm.yaml') };

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
