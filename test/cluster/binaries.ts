import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache.ts';
import { findGo } from './go.ts';
import { runTool } from './tool.ts';

/** The programs of a real cluster. */
export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-proxy'
  | 'kubectl'
  | 'helm';

/** Takes each line about what lasts longer than a moment. */
type Tell = (line: string) => void;

const packages: Readonly<Record<BinaryName, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  helm: 'helm.sh/helm/v4/cmd/helm',
};

/** The Go module that pins what is built. helm has its own: its dependencies would move those of the others. */
function moduleOf(name: BinaryName): string {
  return join(import.meta.dirname, name === 'helm' ? 'helm' : 'binaries');
}

const tellEveryMilliseconds = 5000;

/**
 * The path of the one in `KUBEBUILDER_ASSETS`, else of the one built before, else it is built now: minutes, once.
 * @throws Error that says what is missing when it can be neither found nor built.
 */
export async function binary(name: BinaryName, tell: Tell = (line) => console.error(line)): Promise<string> {
  return (await findBinary(name)) ?? (await build(name, tell));
}

async function findBinary(name: BinaryName): Promise<string | undefined> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const directories = [...(assets ? [assets] : []), await builtDirectory(name)];
  for (const directory of directories) {
    const path = join(directory, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** What the releases of Kubernetes say of themselves; without it their version is `v0.0.0-master`, and helm finds every chart too new. */
function linkerFlags(name: BinaryName): string {
  const { version, variables } = kubernetes;
  const isKubernetes = packages[name].startsWith('k8s.io/kubernetes/');
  return ['-s -w', ...(isKubernetes ? variables.map((each) => `-X ${each}=${version}`) : [])].join(' ');
}

/** The version is that of binaries/go.mod. */
const kubernetes = {
  version: 'v1.36.3',
  variables: ['k8s.io/component-base/version.gitVersion', 'k8s.io/client-go/pkg/version.gitVersion'],
} as const;

/** One for each content of the module files and way to link, so that other versions never meet. */
async function builtDirectory(name: BinaryName): Promise<string> {
  const hash = createHash('sha256').update(process.arch).update(linkerFlags(name));
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(moduleOf(name), file)));
  return join(cacheDirectory(), `binaries-${hash.digest('hex').slice(0, 12)}`);
}

/** Built under another name first: whoever looks meanwhile finds all of it or nothing. */
async function build(name: BinaryName, tell: Tell): Promise<string> {
  const directory = await builtDirectory(name);
  await mkdir(directory, { recursive: true });
  const scratch = await mkdtemp(join(directory, 'building-'));
  try {
    await goBuild(name, join(scratch, name), tell);
    await rename(join(scratch, name), join(directory, name));
    return join(directory, name);
  } catch (error) {
    throw new Error(`${name} is not there and could not be built. ${remedy}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const remedy =
  'Building needs a Go module proxy once (GOPROXY names a mirror); instead, KUBEBUILDER_ASSETS may name a directory that has it.';

async function goBuild(name: BinaryName, output: string, tell: Tell): Promise<void> {
  const go = await findGo(tell);
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`;
  let [compiled, downloaded] = [0, 0];
  const progress = (): void =>
    tell(`${name}: ${downloaded} modules fetched, ${compiled} packages compiled, ${seconds()}`);
  const link = `-ldflags=${linkerFlags(name)}`;
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-v', link, '-o', output];
  const timer = setInterval(progress, tellEveryMilliseconds);
  tell(`${name}: building ${packages[name]} (kept in ${cacheDirectory()})`);
  try {
    await runTool({
      argv: [go, 'build', ...flags, packages[name]],
      cwd: moduleOf(name),
      env: { CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local', GOWORK: 'off' },
      onLine: (line) => {
        if (line.startsWith('go: downloading ')) downloaded++;
        else compiled++;
      },
    });
  } finally {
    clearInterval(timer);
  }
  tell(`${name}: built after ${seconds()}`);
}
