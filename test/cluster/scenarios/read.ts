// What a scenario reads back from the API server.
import { type Family, families, familyOf } from '../../../src/model/address.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Api } from '../api.ts';
import type { Place } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';

/** A Service as it is in force. */
export interface ServiceAddresses {
  readonly clusterIP: Readonly<Record<Family, string>>;
  /** Of its load balancer; empty while it has none. */
  readonly balancer: Readonly<Record<Family, string>>;
  /** By protocol and port, as `TCP 80`. */
  readonly nodePort: (protocol: TrafficProtocol, port: number) => number;
}

interface ServiceObject {
  readonly spec: {
    readonly clusterIPs?: readonly string[];
    readonly ports?: readonly {
      readonly protocol: string;
      readonly port: number;
      readonly nodePort?: number;
    }[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

export async function addressesOf(api: Api, name: string, namespace = 'default'): Promise<ServiceAddresses> {
  const { spec, status } = await read<ServiceObject>(api, `/api/v1/namespaces/${namespace}/services/${name}`);
  const ofFamily = (addresses: readonly string[], family: Family): string =>
    addresses.find((address) => address !== 'None' && familyOf(address) === family) ?? '';
  const perFamily = (addresses: readonly string[]) => ({
    IPv4: ofFamily(addresses, 'IPv4'),
    IPv6: ofFamily(addresses, 'IPv6'),
  });
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = [] }) => ip);
  return {
    clusterIP: perFamily(spec.clusterIPs ?? []),
    balancer: perFamily(ingress),
    nodePort: (protocol, port) => {
      const found = spec.ports?.find((each) => each.protocol === protocol && each.port === port)?.nodePort;
      if (found === undefined) throw new Error(`${name} has no node port for ${protocol} ${port}`);
      return found;
    },
  };
}

/** An endpoint of a Service, once per family. */
export interface Endpoint {
  readonly family: Family;
  readonly address: string;
  /** The Pod. */
  readonly place: Place;
  readonly node: NodeName | undefined;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
}

interface SliceObject {
  readonly addressType: string;
  readonly endpoints:
    | readonly {
        readonly addresses: readonly string[];
        readonly nodeName?: NodeName;
        readonly targetRef?: { readonly namespace: string; readonly name: string };
        readonly conditions: Partial<Record<'ready' | 'serving' | 'terminating', boolean>>;
      }[]
    | null;
}

/** As the endpoint-slice controller has written them. */
export async function endpointsOf(
  api: Api,
  service: string,
  namespace = 'default',
): Promise<readonly Endpoint[]> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  const { items } = await read<{ items: readonly SliceObject[] }>(api, `${path}?labelSelector=${selector}`);
  return items.flatMap(({ addressType, endpoints }) => {
    const family = families.find((each) => each === addressType);
    if (family === undefined) return [];
    return (endpoints ?? []).map(({ addresses: [address = ''], nodeName, targetRef, conditions }) => ({
      family,
      address,
      place: `${targetRef?.namespace}/${targetRef?.name}`,
      node: nodeName,
      ready: conditions.ready ?? true,
      serving: conditions.serving ?? true,
      terminating: conditions.terminating ?? false,
    }));
  });
}

/** Places of the Pods with the label `app`, those that are about to end left out; by name. */
export async function podsOf(api: Api, app: string, namespace = 'default'): Promise<readonly Place[]> {
  const pods = await api.list('Pod', namespace);
  return pods
    .filter(({ metadata }) => metadata.labels?.['app'] === app && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => `${namespace}/${metadata.name}`)
    .sort();
}

/** @throws Error for any status but 200. */
export async function read<Thing>(api: Api, path: string): Promise<Thing> {
  const { status, body } = await api.request('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
  const thing: Thing = JSON.parse(body);
  return thing;
}
