import { type Family, families } from '../../../src/model/address.ts';
import { type Json, type PortOptions, slice } from '../../conformance/objects.ts';
import type { Api } from '../api.ts';
import { echoService } from '../kubelet/objects.ts';

/** A Pod that serves at port 8080. */
export interface Backend {
  readonly place: string;
  readonly node: string;
  readonly addresses: Readonly<Record<Family, string>>;
}

const ports: readonly PortOptions[] = [
  { name: 'tcp', protocol: 'TCP', port: 8080 },
  { name: 'udp', protocol: 'UDP', port: 8080 },
];

/** A Service without selector, whose slices only tests write, so that a change is there the moment it is written. */
export async function createMoving(api: Api, name: string): Promise<void> {
  await api.create(echoService(name, { spec: { selector: null } }));
}

/** Points the Service at these Pods and no others. */
export async function pointAt(api: Api, name: string, backends: readonly Backend[]): Promise<void> {
  await Promise.all(families.map((family) => api.apply(sliceOf(name, family, backends))));
}

export function sliceOf(name: string, family: Family, backends: readonly Backend[]): Json {
  const endpoints = backends.map(({ addresses, node }) => ({ address: addresses[family], node }));
  return slice({ of: name, family, suffix: family.toLowerCase(), ports, endpoints });
}
