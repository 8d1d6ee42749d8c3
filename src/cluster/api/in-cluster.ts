import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { NodeplaneError, toError } from '../../errors.ts';
import type { Account } from './account.ts';
import { noCredentials } from './credentials.ts';
import { readText } from './read-file.ts';
import { serverUrl } from './server-url.ts';

/** Where kubelet puts the token and the authority into a pod. */
export const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The service account of the pod that we run in.
 * @throws NodeplaneError `NP-CLI-001` when this is no pod, `NP-API-009` when it has no token or authority.
 */
export async function inClusterAccount(
  environment: Readonly<Record<string, string | undefined>>,
  override: string | undefined,
  directory: string,
): Promise<Account> {
  const server = override ?? serverOf(environment);
  if (server === undefined) throw new NodeplaneError('NP-CLI-001');
  const token = join(directory, 'token');
  const authority = join(directory, 'ca.crt');
  for (const file of [token, authority]) await mustBeThere(file, server);
  return {
    from: directory,
    server,
    authority: { kind: 'file', field: 'the authority of the service account', file: authority },
    serverName: undefined,
    insecure: false,
    client: undefined,
    authorization: { kind: 'token-file', file: token },
  };
}

function serverOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) return undefined;
  return serverUrl(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, 'KUBERNETES_SERVICE_HOST');
}

async function mustBeThere(file: string, server: string): Promise<void> {
  try {
    await readText(file);
  } catch (thrown) {
    throw noCredentials(server, toError(thrown), file);
  }
}
