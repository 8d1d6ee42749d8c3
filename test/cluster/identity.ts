import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Json } from '../conformance/objects.ts';
import type { Api } from './api.ts';
import type { Host } from './host.ts';
import { podKubeconfig } from './kubeconfig.ts';

/** What clusters get: the agent's account and its rights. */
const shippedFile = join(import.meta.dirname, '../../deploy/kustomize/base/rbac.yaml');

/** Creates the agent's ServiceAccount with exactly the rights that are shipped. */
export async function grantShippedRights(api: Api): Promise<void> {
  const documents = parseAllDocuments(await readFile(shippedFile, 'utf8'));
  for (const document of documents) {
    const object: Json = document.toJS();
    await api.apply(object);
  }
}

/** A token as the kubelet gets one for a Pod of the agent's DaemonSet, good for a day. */
export async function agentToken(api: Api): Promise<string> {
  const path = '/api/v1/namespaces/kube-system/serviceaccounts/nodeplane/token';
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 86_400 },
  };
  const { status, body } = await api.request('POST', path, request);
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${body}`);
  const answer: { status: { token: string } } = JSON.parse(body);
  return answer.status.token;
}

/** Writes what a Pod of the DaemonSet finds in its volumes, and returns the kubeconfig's path as the host's programs see it. */
export async function writeAgentFiles(
  host: Host,
  directory: string,
  of: { readonly server: string; readonly authority: string; readonly token: string },
): Promise<string> {
  const files = {
    authorityFile: join(directory, 'ca.crt'),
    tokenFile: join(directory, 'token'),
    kubeconfig: join(directory, 'kubeconfig.conf'),
  };
  await mkdir(host.path(directory), { recursive: true });
  const write = (path: string, text: string) => writeFile(host.path(path), text, { mode: 0o600 });
  await write(files.authorityFile, of.authority);
  await write(files.tokenFile, of.token);
  await write(files.kubeconfig, podKubeconfig({ server: of.server, ...files }));
  return files.kubeconfig;
}
