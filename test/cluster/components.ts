import { basename, join } from 'node:path';
import { addressText, parseCidr } from '../../src/model/address.ts';
import type { Authority } from '../api-server/certificates.ts';
import { type BinaryName, binary } from './binaries.ts';
import { createBridge } from './bridge.ts';
import { Component } from './component.ts';
import { apiServerArguments, controllerManagerArguments, etcdArguments, ports } from './flags.ts';
import type { Host } from './host.ts';

/** The programs of a control plane. */
export interface Components {
  readonly bridge: Component;
  readonly etcd: Component;
  readonly apiServer: Component;
  readonly controllerManager: Component;
}

/** Names that the API server's certificate has besides its addresses; any will do for whoever comes by the bridge. */
export const serverName = 'kubernetes';

export interface ComponentFiles {
  readonly host: Host;
  /** All that they write, as they see it. */
  readonly directory: string;
  readonly authority: Authority;
  /** The controller manager's, written before it is started. */
  readonly controllerKubeconfig: string;
  readonly serviceNetworks: readonly string[];
}

/** None is started yet. */
export async function makeComponents(files: ComponentFiles): Promise<Components> {
  const { host, directory } = files;
  const component = async (name: BinaryName, flags: readonly string[]): Promise<Component> => {
    const program = await binary(name);
    return new Component(name, () => host.start([program, ...flags]));
  };
  return {
    bridge: createBridge(host, {
      [`${directory}/apiserver.sock`]: `127.0.0.1:${ports.apiServer}`,
      [`${directory}/etcd.sock`]: `127.0.0.1:${ports.etcd}`,
    }),
    etcd: await component('etcd', etcdArguments(directory)),
    apiServer: await component('kube-apiserver', await apiServerFlags(files)),
    controllerManager: await component(
      'kube-controller-manager',
      controllerManagerArguments(files.controllerKubeconfig),
    ),
  };
}

async function apiServerFlags(files: ComponentFiles): Promise<readonly string[]> {
  const { host, directory, authority, serviceNetworks } = files;
  const addresses = ['127.0.0.1', '::1', host.address('IPv4'), host.address('IPv6')];
  const names = [serverName, 'localhost', ...addresses, ...serviceNetworks.flatMap(firstAddress)];
  const serving = await authority.server('apiserver', names);
  const seenInside = (file: string): string => join(directory, basename(file));
  return apiServerArguments({
    directory,
    advertised: host.address('IPv4'),
    authority: seenInside(authority.certificateFile),
    certificate: seenInside(serving.certificateFile),
    key: seenInside(serving.keyFile),
    serviceNetworks,
  });
}

/** Of a service network, which the API's own Service has. */
function firstAddress(network: string): readonly string[] {
  const cidr = parseCidr(network);
  return cidr === undefined ? [] : [addressText(cidr.network + 1n, cidr.family)];
}
