// The shop of examples/, as far as the demo needs it: who runs where, and which addresses the Services have.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { TrafficProtocol } from '../../test/netns/actor.ts';
import { nodeAddress } from '../../test/netns/addresses.ts';
import type { Pod } from '../../test/netns/topology.ts';
import { planPod } from '../../test/netns/world.ts';

export const examples = join(import.meta.dirname, '../../examples');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

interface Service extends Manifest {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP: string;
    readonly clusterIPs?: readonly string[];
    readonly ports: readonly { readonly port: number; readonly nodePort?: number }[];
  };
  readonly status?: { readonly loadBalancer: { readonly ingress: readonly { readonly ip: string }[] } };
}

interface SliceEndpoint {
  readonly addresses: readonly [string];
  readonly nodeName: 'node-a' | 'node-b';
  readonly targetRef: { readonly kind: string; readonly name: string };
  readonly conditions?: { readonly ready: boolean };
}

interface Slice extends Manifest {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly { readonly port: number; readonly protocol?: TrafficProtocol }[];
  readonly endpoints: readonly SliceEndpoint[];
}

/** A pod and what it serves. */
export interface ShopPod {
  readonly pod: Pod;
  readonly sockets: readonly { readonly port: number; readonly protocol: TrafficProtocol }[];
}

/** A Service as a line of a table, and where it is reached. */
export interface ShopService {
  readonly name: string;
  readonly type: string;
  readonly clusterIPs: readonly string[];
  readonly port: number;
  readonly nodePort: number;
  readonly loadBalancerIPs: readonly string[];
  readonly readyPods: number;
}

export interface Shop {
  readonly pods: readonly ShopPod[];
  readonly services: readonly ShopService[];
}

export async function readShop(): Promise<Shop> {
  const files = (await readdir(examples)).filter((name) => name.endsWith('.yaml')).sort();
  const manifests = (await Promise.all(files.map(readManifests))).flat();
  const slices = manifests.filter(isSlice);
  return {
    pods: podsOf(slices),
    services: manifests.filter(isService).map((service) => describeService(service, slices)),
  };
}

/** The text of examples/frontend.yaml, as a controller would write it once more pods of the frontend are ready. */
export async function frontendWith(pods: readonly Pod[]): Promise<string> {
  const manifests = await readManifests('frontend.yaml');
  const grown = manifests.map((manifest) =>
    isSlice(manifest)
      ? { ...manifest, endpoints: [...manifest.endpoints, ...pods.map((pod) => endpoint(pod, manifest))] }
      : manifest,
  );
  return grown.map((manifest) => stringify(manifest)).join('---\n');
}

export function nodePortAddress(service: ShopService): { readonly to: string; readonly port: number } {
  return { to: nodeAddress('node-a', 'IPv4'), port: service.nodePort };
}

async function readManifests(file: string): Promise<readonly Manifest[]> {
  const text = await readFile(join(examples, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS());
}

function isSlice(manifest: Manifest): manifest is Slice {
  return manifest.kind === 'EndpointSlice';
}

function isService(manifest: Manifest): manifest is Service {
  return manifest.kind === 'Service';
}

function endpoint({ name, node, addresses }: Pod, { addressType }: Slice): SliceEndpoint {
  return { addresses: [addresses[addressType]], nodeName: node, targetRef: { kind: 'Pod', name } };
}

function podsOf(slices: readonly Slice[]): readonly ShopPod[] {
  const pods = new Map<string, ShopPod>();
  for (const { endpoints, ports, addressType } of slices) {
    const sockets = ports.map(({ port, protocol = 'TCP' }) => ({ port, protocol }));
    for (const { addresses, nodeName, targetRef, conditions } of endpoints) {
      const pod = planned(targetRef.name, nodeName, addresses[0]);
      if (pod.addresses[addressType] !== addresses[0])
        throw new Error(`examples: ${pod.name} is not at ${addresses[0]}`);
      // A pod that is not ready is there, but nobody listens in it yet.
      pods.set(pod.name, { pod, sockets: conditions?.ready === false ? [] : sockets });
    }
  }
  return [...pods.values()];
}

/** The plan gives pods their addresses by index: the last number tells which it was. */
function planned(name: string, node: 'node-a' | 'node-b', address: string): Pod {
  return planPod(name, node, Number(address.split(/[.:]/).at(-1)) - 11);
}

function describeService(
  { metadata: { name }, spec, status }: Service,
  slices: readonly Slice[],
): ShopService {
  const own = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
  const endpoints = own
    .filter(({ addressType }) => addressType === 'IPv4')
    .flatMap((slice) => slice.endpoints);
  return {
    name,
    type: spec.clusterIP === 'None' ? 'headless' : (spec.type ?? 'ClusterIP'),
    clusterIPs: spec.clusterIPs ?? [spec.clusterIP],
    port: spec.ports[0]?.port ?? 0,
    nodePort: spec.ports[0]?.nodePort ?? 0,
    loadBalancerIPs: status?.loadBalancer.ingress.map(({ ip }) => ip) ?? [],
    readyPods: endpoints.filter(({ conditions }) => conditions?.ready !== false).length,
  };
}
