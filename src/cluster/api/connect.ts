import type { ApiClient } from './client.ts';

export interface ConnectOptions {
  /** Path of a kubeconfig; undefined: the service account of the pod we run in. */
  readonly kubeconfig: string | undefined;
  /** `https://host:port` instead of the server that the kubeconfig or the pod's environment names. */
  readonly server: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A client by kubeconfig or in-cluster. Nothing is sent yet. @throws NodeplaneError `NP-API-001`, `-009`. */
export async function connect(_options: ConnectOptions): Promise<ApiClient> {
  throw new Error('not there yet');
}
