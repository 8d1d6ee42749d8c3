import { flagError } from './flags.ts';
import { isNodeName } from './networks.ts';

/** What the machine says about itself; read at the edge. */
export interface HostIdentity {
  /** `$NODE_NAME`. */
  readonly nodeName: string | undefined;
  readonly hostname: string;
  /** We run in a pod whose service account may speak to the API server (`$KUBERNETES_SERVICE_HOST` is there). */
  readonly inCluster?: boolean | undefined;
  /** `$KUBECONFIG`. */
  readonly kubeconfig?: string | undefined;
}

/** The machine's own name is taken as it is, in lower case as kubelet registers it. @throws NodeplaneError `NP-CLI-002`. */
export function nodeNameOf(
  flag: string | undefined,
  override: string | undefined,
  host: HostIdentity,
): string {
  if (flag !== undefined && !isNodeName(flag)) {
    throw flagError('--node', flag, 'a Node is named with lower-case letters, digits, "-" and "."');
  }
  const name = flag ?? override ?? (host.nodeName || host.hostname.trim().toLowerCase());
  if (isNodeName(name)) return name;
  const origin = host.nodeName ? '$NODE_NAME' : 'the hostname';
  throw flagError('--node', name, `the name comes from ${origin} and no Node can have it`);
}
