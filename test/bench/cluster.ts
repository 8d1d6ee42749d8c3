import { createBreathe } from '../../src/cluster/breathe.ts';
import { decode } from '../../src/cluster/decode.ts';
import { createPublisher, type Publisher } from '../../src/cluster/publisher.ts';
import type { ObjectChange } from '../../src/model/change.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import { type Json, node, service, slice } from '../conformance/objects.ts';

/** Pods of the whole cluster; packets that leave the node from here are not masqueraded. */
export const clusterNetwork = '10.128.0.0/9';
export const nodeName = 'node-a';
export const servicePort = 80;
export const endpointPort = 8080;

/** A Service of the synthetic cluster. */
export interface BenchService {
  readonly index: number;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly endpoints: readonly string[];
}

/**
 * N Services of type ClusterIP, one port 80 → 8080, with five endpoints each unless told otherwise. ClusterIPs are scattered over a /16 as the API server
 * scatters them. Every 50th is UDP, and so are those with the lowest and the highest address: they are first and last in a flat list.
 */
export function benchServices(count: number, endpoints = 5): readonly BenchService[] {
  const places = Array.from({ length: count }, (_, index) => ((index + 1) * 40_503) % 65_536);
  const ends = new Set([Math.min(...places), Math.max(...places)]);
  return places.map((place, index) => ({
    index,
    namespace: `team-${String(index % 40).padStart(2, '0')}`,
    name: `service-${String(index).padStart(5, '0')}`,
    address: addressOf(172, 20, place),
    protocol: index % 50 === 49 || ends.has(place) ? 'UDP' : 'TCP',
    endpoints: Array.from({ length: endpoints }, (_, n) => podAddress(index * endpoints + n)),
  }));
}

/** A pod that is in no Service yet: what an endpoint changes to. */
export function sparePod(number: number): string {
  return addressOf(10, 250, number);
}

function podAddress(number: number): string {
  return addressOf(10, 130 + (number >> 16), number & 65_535);
}

function addressOf(first: number, second: number, rest: number): string {
  return `${first}.${second}.${rest >> 8}.${rest & 255}`;
}

export const benchNode: Json = node({ name: nodeName, addresses: ['192.0.2.10'] });

export function serviceObject({ namespace, name, address, protocol }: BenchService): Json {
  const ports = [{ name: 'http', protocol, port: servicePort }];
  return service({ namespace, name, clusterIPs: [address], ports });
}

/** Its EndpointSlice, with other endpoints when some are given. */
export function sliceObject(of: BenchService, endpoints = of.endpoints): Json {
  const { namespace, name, protocol } = of;
  return slice({
    of: name,
    namespace,
    ports: [{ name: 'http', protocol, port: endpointPort }],
    endpoints: endpoints.map((address) => ({ address, node: 'node-b' })),
  });
}

/** The slice once its first endpoint has moved to another pod. */
export function movedSlice(of: BenchService, number: number): Json {
  return sliceObject(of, [sparePod(number), ...of.endpoints.slice(1)]);
}

/** What a source makes of an object's JSON text. */
export function changeOf(text: string): ObjectChange {
  const decoded = decode(JSON.parse(text));
  if (decoded.outcome !== 'change') throw new Error(`not a good object: ${JSON.stringify(decoded)}`);
  return decoded.change;
}

/** The objects of the whole cluster as a source hears of them, each as JSON text. */
export function textsOf(services: readonly BenchService[]): readonly string[] {
  const objects = services.flatMap((each) => [serviceObject(each), sliceObject(each)]);
  return [benchNode, ...objects].map((object) => JSON.stringify(object));
}

export function changesOf(services: readonly BenchService[]): readonly ObjectChange[] {
  return textsOf(services).map(changeOf);
}

/** A cluster that can be told changes, as a source tells them. */
export interface Cluster {
  readonly snapshot: () => Snapshot;
  readonly take: (changes: readonly ObjectChange[]) => Promise<void>;
}

/** Joins changes as every source does, the event loop turning in between. */
export function createCluster(): Cluster {
  let snapshot = emptySnapshot(nodeName);
  const publisher: Publisher = createPublisher(nodeName, {
    snapshot: (told) => {
      snapshot = told;
    },
    findings: (findings) => {
      if (findings.length > 0) throw new Error(`the cluster has findings: ${JSON.stringify(findings[0])}`);
    },
  });
  const breathe = createBreathe();
  return {
    snapshot: () => snapshot,
    take: async (changes) => {
      await publisher.take(changes, breathe);
      publisher.tell([]);
    },
  };
}
