import type { SourceChoice } from '../agent/options.ts';
import type { Config } from '../config/defaults.ts';
import { flagError } from '../config/flags.ts';
import type { HostIdentity } from '../config/node-name.ts';
import { NodeplaneError } from '../errors.ts';
import type { Io } from './io.ts';
import type { Settings } from './settings.ts';

/** What this machine says to the configuration. */
export function identify({ environment, hostname }: Io): HostIdentity {
  return {
    nodeName: environment['NODE_NAME'],
    hostname,
    inCluster: (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '',
    kubeconfig: environment['KUBECONFIG'],
  };
}

/**
 * Where objects come from: a directory that was named, else the API server by what the configuration, the pod or the environment tells.
 * @throws NodeplaneError `NP-CLI-001` when nothing tells of one, `NP-CLI-002` when `$KUBECONFIG` tells of several.
 */
export function chooseSource(settings: Settings, config: Config, host: HostIdentity): SourceChoice {
  const { manifests } = settings;
  const { client } = config;
  if (manifests !== undefined) return { kind: 'manifests', directory: manifests };
  const { kubeconfig } = client;
  if (!hasSource(settings, config, host)) throw new NodeplaneError('NP-CLI-001');
  if (kubeconfig !== undefined && kubeconfig === host.kubeconfig && kubeconfig.includes(':')) {
    throw flagError('$KUBECONFIG', kubeconfig, 'it names several files; name one with --kubeconfig');
  }
  return { kind: 'api' };
}

/** Whether anything tells where objects come from. */
export function hasSource({ manifests }: Settings, { client }: Config, host: HostIdentity): boolean {
  const { kubeconfig, server } = client;
  return (
    manifests !== undefined || kubeconfig !== undefined || server !== undefined || host.inCluster === true
  );
}
