import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle } from '../../cli/nodeplane.ts';
import type { Api } from '../api.ts';
import type { Images } from '../kubelet/kubelet.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import { addressesOf } from '../scenarios/read.ts';
import type { ContainerSpec, EnvVar, PodObject } from './pod-spec.ts';
import { configMapData, podField, type VolumeSources, writeVolumes } from './pod-volumes.ts';

const initMilliseconds = 60_000;

type Argv = readonly [string, ...string[]];

/** Where the image has them. */
const inside = { node: '/opt/nodeplane/node', bundle: '/opt/nodeplane/nodeplane.mjs' };

/** What the image sets itself; see Dockerfile. */
const imageEnvironment = ['PATH=/usr/local/bin:/usr/sbin:/usr/bin', 'NODE_ENV=production'];

/**
 * The image `nodeplane`: runs the bundle as the Pod's manifest says it, with its volumes, environment, capabilities and read-only root, and
 * its init containers first.
 */
export class PodRunner {
  /** What init containers printed, by place. */
  readonly initialized = new Map<Place, string>();
  readonly #api: () => Api;

  /** @param api asked for once a Pod starts. */
  constructor(api: () => Api) {
    this.#api = api;
  }

  readonly image: Images[string] = async ({ place, network }) => {
    const pod = await this.#pod(place);
    const volumes = await this.#volumes(pod, network);
    for (const container of pod.spec.initContainers ?? [])
      await this.#initialize(pod, container, { place, network, volumes });
    const [container] = pod.spec.containers;
    if (container === undefined) throw new Error(`${place} has no container`);
    return this.#prepare(pod, container, { network, volumes });
  };

  /** What kubelet does about once a minute: ConfigMaps that have changed change in the Pod. */
  async update(place: Place, network: ClusterNetwork): Promise<void> {
    await this.#volumes(await this.#pod(place), network);
  }

  /** Words that run another command in the Pod's container, as `kubectl exec` does. */
  async command(place: Place, network: ClusterNetwork, ...args: readonly string[]): Promise<Argv> {
    const pod = await this.#pod(place);
    const [container] = pod.spec.containers;
    if (container === undefined) throw new Error(`${place} has no container`);
    const volumes = await this.#volumes(pod, network);
    return this.#prepare(pod, { ...container, name: `exec-${args[0]}`, args }, { network, volumes });
  }

  async #pod(place: Place): Promise<PodObject> {
    const [namespace, name] = place.split('/');
    const { status, body } = await this.#api().request('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
    if (status !== 200) throw new Error(`${place}: ${status} ${body}`);
    return JSON.parse(body);
  }

  #volumes(pod: PodObject, network: ClusterNetwork): Promise<VolumeSources> {
    const outside = (path: string) => network.path(path);
    return writeVolumes(pod, { api: this.#api(), directory: directoryOf(pod), outside });
  }

  async #initialize(
    pod: PodObject,
    container: ContainerSpec,
    on: { readonly place: Place; readonly network: ClusterNetwork; readonly volumes: VolumeSources },
  ): Promise<void> {
    const argv = await this.#prepare(pod, container, on);
    const ended = await on.network.exec(on.place)({ argv, timeoutMilliseconds: initMilliseconds });
    this.initialized.set(on.place, `${ended.stdout}${ended.stderr}`);
    if (ended.exitCode !== 0) throw new Error(`${container.name}: ${ended.exitCode}: ${ended.stderr}`);
  }

  async #prepare(
    pod: PodObject,
    container: ContainerSpec,
    { network, volumes }: { readonly network: ClusterNetwork; readonly volumes: VolumeSources },
  ): Promise<Argv> {
    const directory = join(directoryOf(pod), container.name);
    const mounts = [
      [process.execPath, inside.node, 'file'],
      [bundle, inside.bundle, 'file'],
      ...container.volumeMounts.map(({ name, mountPath }) => mountOf(name, mountPath, pod, volumes)),
    ] as const;
    for (const [, target, kind] of mounts) {
      const path = network.path(join(directory, 'skeleton', target));
      await mkdir(kind === 'file' ? dirname(path) : path, { recursive: true });
      if (kind === 'file') await writeFile(path, '');
    }
    const lines = mounts.map(([source, target]) => `${source} ${target}\n`);
    await writeFile(network.path(join(directory, 'mounts')), lines.join(''));
    const variables = (container.env ?? []).map((each) => this.#variable(each, pod));
    const environment = [...imageEnvironment, ...(await this.#service()), ...(await Promise.all(variables))];
    const program = ['env', '-i', ...environment, inside.node, inside.bundle];
    const rights = rightsOf(container);
    const script = join(import.meta.dirname, 'container.sh');
    return ['unshare', '--mount', 'bash', script, directory, ...rights, ...program, ...container.args];
  }

  /** What kubelet tells every container; the manifest's own go before it. */
  async #service(): Promise<readonly string[]> {
    const { clusterIP } = await addressesOf(this.#api(), 'kubernetes');
    return [`KUBERNETES_SERVICE_HOST=${clusterIP.IPv4}`, 'KUBERNETES_SERVICE_PORT=443'];
  }

  async #variable({ name, value, valueFrom }: EnvVar, pod: PodObject): Promise<string> {
    const { fieldRef, configMapKeyRef: key } = valueFrom ?? {};
    if (fieldRef !== undefined) return `${name}=${podField(pod, fieldRef.fieldPath)}`;
    if (key === undefined) return `${name}=${value ?? ''}`;
    const data = await configMapData(this.#api(), pod.metadata.namespace, key.name);
    return `${name}=${data[key.key] ?? ''}`;
  }
}

function directoryOf(pod: PodObject): string {
  return `/run/containers/${pod.metadata.uid}`;
}

function mountOf(
  name: string,
  target: string,
  pod: PodObject,
  volumes: VolumeSources,
): readonly [source: string, target: string, kind: 'file' | 'directory'] {
  const source = volumes.get(name);
  if (source === undefined) throw new Error(`there is no volume ${name}`);
  const isHostPath = pod.spec.volumes.some((volume) => volume.name === name && volume.hostPath !== undefined);
  return [source, target, isHostPath ? 'file' : 'directory'];
}

/** What container.sh takes. @throws Error where a container could do more than it shows. */
function rightsOf({
  name,
  securityContext,
}: ContainerSpec): readonly [privileged: string, capabilities: string] {
  const {
    privileged = false,
    capabilities,
    readOnlyRootFilesystem,
    allowPrivilegeEscalation,
  } = securityContext;
  if (readOnlyRootFilesystem !== true) throw new Error(`${name} may write its root file system`);
  if (privileged) return ['true', ''];
  if (allowPrivilegeEscalation !== false || capabilities?.drop?.join() !== 'ALL')
    throw new Error(`${name} has more rights than it asks for`);
  return ['false', (capabilities.add ?? []).map((each) => `+${each.toLowerCase()}`).join()];
}
