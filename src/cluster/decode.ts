import type { ObjectChange, ObjectKind } from '../model/change.ts';
import type { Finding } from '../model/finding.ts';
import { printable, printableName } from '../model/printable.ts';
import { isRecord } from '../model/read.ts';
import { readEndpointSlice } from '../model/read-endpoint-slice.ts';
import { readNode } from '../model/read-node.ts';
import type { Read } from '../model/read-object.ts';
import { readService } from '../model/read-service.ts';
import { readServiceCIDR } from '../model/read-service-cidr.ts';

/** What one object of the Kubernetes API means to us. `id` is `Kind namespace/name` or `Kind name`. */
export type Decoded =
  /** `change.object` is undefined for an object that is not for a service proxy. */
  | {
      readonly outcome: 'change';
      readonly id: string;
      readonly change: ObjectChange;
      readonly findings: readonly Finding[];
    }
  /** Its last good state stays; `id` is undefined when it has no usable name. */
  | { readonly outcome: 'refuse'; readonly id: string | undefined; readonly findings: readonly Finding[] }
  /** A kind or apiVersion that we do not use, as `Deployment (apps/v1)`. */
  | { readonly outcome: 'unknown'; readonly kind: string }
  /** No object of the Kubernetes API at all. */
  | { readonly outcome: 'alien'; readonly reason: string };

interface Decoder {
  readonly apiVersions: readonly string[];
  readonly decode: (raw: unknown, proxyName: string | undefined) => Decoded;
}

const decoders: Readonly<Record<ObjectKind, Decoder>> = {
  Service: {
    apiVersions: ['v1'],
    decode: (raw, proxyName) =>
      decoded('Service', readService(raw, proxyName), (key, object) => ({ kind: 'Service', key, object })),
  },
  EndpointSlice: {
    apiVersions: ['discovery.k8s.io/v1'],
    decode: (raw) =>
      decoded('EndpointSlice', readEndpointSlice(raw), (key, object) => ({
        kind: 'EndpointSlice',
        key,
        object,
      })),
  },
  Node: {
    apiVersions: ['v1'],
    decode: (raw) => decoded('Node', readNode(raw), (key, object) => ({ kind: 'Node', key, object })),
  },
  ServiceCIDR: {
    apiVersions: ['networking.k8s.io/v1', 'networking.k8s.io/v1beta1'],
    decode: (raw) =>
      decoded('ServiceCIDR', readServiceCIDR(raw), (key, object) => ({ kind: 'ServiceCIDR', key, object })),
  },
};

/**
 * One object from outside, by its kind and apiVersion. Never throws.
 * @param proxyName Services are read that carry it in their label; undefined: those without the label.
 */
export function decode(raw: unknown, proxyName?: string): Decoded {
  if (!isRecord(raw)) return { outcome: 'alien', reason: `must be an object, is ${printable(raw)}` };
  const { kind, apiVersion } = { kind: raw['kind'], apiVersion: raw['apiVersion'] };
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    return { outcome: 'alien', reason: 'has no kind and apiVersion' };
  }
  const decoder = isKind(kind) ? decoders[kind] : undefined;
  if (decoder?.apiVersions.includes(apiVersion)) return decoder.decode(raw, proxyName);
  return { outcome: 'unknown', kind: `${printableName(kind)} (${printableName(apiVersion)})` };
}

/** The objects in a document: those of a `List`, `ServiceList` … one by one (lists in lists too, as kubectl reads them), else itself. */
export function* objectsIn(raw: unknown, depth = 0): Generator<unknown> {
  const items = isRecord(raw) && depth < maxListDepth ? itemsOf(raw) : undefined;
  if (items === undefined || !isRecord(raw)) {
    yield raw;
    return;
  }
  const itemKind = String(raw['kind']).slice(0, -'List'.length);
  const inherited = itemKind === '' ? {} : { kind: itemKind, apiVersion: raw['apiVersion'] };
  for (const item of items) {
    yield* objectsIn(
      isRecord(item) && !Object.hasOwn(item, 'kind') ? { ...inherited, ...item } : item,
      depth + 1,
    );
  }
}

const maxListDepth = 8;

function itemsOf(raw: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  const items = raw['items'] ?? [];
  return typeof raw['kind'] === 'string' && raw['kind'].endsWith('List') && Array.isArray(items)
    ? items
    : undefined;
}

function isKind(kind: string): kind is ObjectKind {
  return Object.hasOwn(decoders, kind);
}

function decoded<T>(
  kind: ObjectKind,
  read: Read<T>,
  change: (key: string, object: T | undefined) => ObjectChange,
): Decoded {
  const id = read.key === undefined ? undefined : `${kind} ${read.key}`;
  if (read.outcome === 'refuse' || id === undefined) {
    return { outcome: 'refuse', id, findings: read.outcome === 'ignore' ? [] : read.findings };
  }
  if (read.outcome === 'ignore') {
    return { outcome: 'change', id, change: change(read.key, undefined), findings: [] };
  }
  return { outcome: 'change', id, change: change(read.key, read.object), findings: read.findings };
}
