import type { Api } from '../api.ts';
import type { ClusterNetwork } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';

/**
 * What stands in for a cloud provider: gives Services of type LoadBalancer an address of each of their families, passes packets on to
 * healthy nodes with their addresses as they are, and finds out who is healthy as clouds do: by the health-check node port with
 * `externalTrafficPolicy: Local`, by port 10256 else, once a second, unhealthy after two failures, healthy after one success.
 * Connections that exist stay with their node. Nodes are the Node objects that there are.
 */
export interface Cloud extends AsyncDisposable {
  /** The nodes that get new connections of the Service at the moment. */
  healthy(namespace: string, service: string): readonly NodeName[];
  close(): Promise<void>;
}

export async function startCloud(_of: {
  readonly api: Api;
  readonly network: ClusterNetwork;
}): Promise<Cloud> {
  throw new Error('not there yet');
}
