import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Api } from '../api.ts';
import type { PodObject, ProjectedSource, Volume } from './pod-spec.ts';

/** Where a volume's content is from, for the programs of the network. */
export type VolumeSources = ReadonlyMap<string, string>;

type Files = Readonly<Record<string, string>>;

/**
 * Writes the volumes of a Pod below a directory of the network as kubelet does: files are links through `..data`, which is swapped at once
 * when they change. Calling it again brings them up to date.
 */
export async function writeVolumes(
  pod: PodObject,
  of: { readonly api: Api; readonly directory: string; readonly outside: (path: string) => string },
): Promise<VolumeSources> {
  const sources = new Map<string, string>();
  for (const volume of pod.spec.volumes) {
    if (volume.hostPath !== undefined) {
      await makeHostPath(of.outside(volume.hostPath.path), volume.hostPath.type);
      sources.set(volume.name, volume.hostPath.path);
      continue;
    }
    const path = join(of.directory, 'volumes', volume.name);
    await swap(of.outside(path), await contentOf(volume, pod, of.api));
    sources.set(volume.name, path);
  }
  return sources;
}

/** The data of a ConfigMap. @throws Error when it is not there, as a Pod then does not start. */
export async function configMapData(api: Api, namespace: string, name: string): Promise<Files> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
  const { status, body } = await api.request('GET', path);
  if (status !== 200) throw new Error(`the Pod waits for ${path}: ${status}`);
  const { data = {} }: { data?: Files } = JSON.parse(body);
  return data;
}

async function makeHostPath(path: string, type: string): Promise<void> {
  if (type !== 'FileOrCreate') throw new Error(`hostPath of type ${type}`);
  await writeFile(path, '', { flag: 'a' });
}

async function contentOf(volume: Volume, pod: PodObject, api: Api): Promise<Files> {
  if (volume.configMap !== undefined)
    return configMapData(api, pod.metadata.namespace, volume.configMap.name);
  const parts = (volume.projected?.sources ?? []).map((source) => projectedFiles(source, pod, api));
  return Object.assign({}, ...(await Promise.all(parts)));
}

async function projectedFiles(source: ProjectedSource, pod: PodObject, api: Api): Promise<Files> {
  const { serviceAccountToken: token, configMap, downwardAPI } = source;
  if (token !== undefined) return { [token.path]: await boundToken(pod, token.expirationSeconds, api) };
  if (configMap !== undefined) {
    const data = await configMapData(api, pod.metadata.namespace, configMap.name);
    const items = configMap.items ?? Object.keys(data).map((key) => ({ key, path: key }));
    return Object.fromEntries(items.map(({ key, path }) => [path, data[key] ?? '']));
  }
  const items = downwardAPI?.items ?? [];
  return Object.fromEntries(items.map(({ path, fieldRef }) => [path, podField(pod, fieldRef.fieldPath)]));
}

/** What `fieldRef` names. */
export function podField(pod: PodObject, path: string): string {
  switch (path) {
    case 'spec.nodeName':
      return pod.spec.nodeName;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    default:
      throw new Error(`fieldPath ${path}`);
  }
}

/** Good for as long as the Pod is there. */
async function boundToken(pod: PodObject, expirationSeconds = 3600, api: Api): Promise<string> {
  const { namespace, name, uid } = pod.metadata;
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${pod.spec.serviceAccountName}/token`;
  const { status, body } = await api.request('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${body}`);
  const answer: { status: { token: string } } = JSON.parse(body);
  return answer.status.token;
}

let versions = 0;

async function swap(directory: string, files: Files): Promise<void> {
  const version = `..version-${++versions}`;
  await mkdir(join(directory, version), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, version, name), text);
  await symlink(version, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  for (const name of Object.keys(files)) {
    await rm(join(directory, name), { force: true });
    await symlink(join('..data', name), join(directory, name));
  }
}
