import { NodeplaneError, toError } from '../../errors.ts';
import type { Account } from './account.ts';
import type { ApiClient } from './client.ts';
import { noCredentials } from './credentials.ts';
import { createHttpClient } from './http-client.ts';
import { inClusterAccount, serviceAccountDirectory } from './in-cluster.ts';
import { readKubeconfig, unusable } from './kubeconfig.ts';
import { serverUrl } from './server-url.ts';
import { readTlsMaterial } from './tls-material.ts';

export interface ConnectOptions {
  /** Path of a kubeconfig; undefined: the service account of the pod we run in. */
  readonly kubeconfig: string | undefined;
  /** `https://host:port` instead of the server that the kubeconfig or the pod's environment names. */
  readonly server: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For the User-Agent header: `0.1.0`. */
  readonly version?: string;
  /** Ask the server to compress; off unless told otherwise. */
  readonly gzip?: boolean;
  /** Directory of the service account's token and ca.crt, for tests. */
  readonly serviceAccount?: string;
}

/** TCP and TLS together; client-go allows 30 s and 10 s. */
const connectMilliseconds = 20_000;

/** Plugins ask cloud services, which may take some seconds. */
const pluginMilliseconds = 30_000;

/**
 * A client by kubeconfig or in-cluster. Nothing is sent yet, and no exec plugin runs; certificates are read and checked.
 * @throws NodeplaneError `NP-API-001`, `-009`; `NP-CLI-001` without a kubeconfig outside of a pod; `NP-CLI-002` for a bad `server`.
 */
export async function connect(options: ConnectOptions): Promise<ApiClient> {
  const { kubeconfig, environment, version, gzip = false } = options;
  const server = options.server === undefined ? undefined : checkedServer(options.server);
  const account =
    kubeconfig === undefined
      ? await inClusterAccount(environment, server, options.serviceAccount ?? serviceAccountDirectory)
      : await readKubeconfig(kubeconfig, server);
  await checkTls(account, kubeconfig);
  const userAgent = version === undefined ? 'nodeplane' : `nodeplane/${version.replace(/[^\x20-\x7e]/g, '')}`;
  return createHttpClient({ account, environment, userAgent, gzip, connectMilliseconds, pluginMilliseconds });
}

function checkedServer(server: string): string {
  try {
    return serverUrl(server, 'the address');
  } catch (thrown) {
    throw badServer(server, toError(thrown));
  }
}

function badServer(value: string, cause: Error): NodeplaneError {
  return new NodeplaneError('NP-CLI-002', { value, flag: '--master', reason: cause.message }, cause);
}

async function checkTls(account: Account, kubeconfig: string | undefined): Promise<void> {
  try {
    await readTlsMaterial(account, undefined);
  } catch (thrown) {
    const cause = toError(thrown);
    throw kubeconfig === undefined ? noCredentials(account.server, cause) : unusable(kubeconfig, cause);
  }
}
