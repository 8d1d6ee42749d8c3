/** Any part of a Kubernetes object. */
export type Json = Readonly<Record<string, unknown>>;

/** A resource that the server has. */
export interface Resource {
  /** As in a path and an RBAC rule. */
  readonly name: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const resources: readonly Resource[] = [
  { name: 'services', apiVersion: 'v1', kind: 'Service', namespaced: true },
  { name: 'nodes', apiVersion: 'v1', kind: 'Node', namespaced: false },
  { name: 'events', apiVersion: 'v1', kind: 'Event', namespaced: true },
  { name: 'events', apiVersion: 'events.k8s.io/v1', kind: 'Event', namespaced: true },
  { name: 'endpointslices', apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespaced: true },
  { name: 'servicecidrs', apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', namespaced: false },
];

/** What a path names: `/api/v1/namespaces/x/services/y`. */
export interface Place {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

export function placeOf(path: string): Place | undefined {
  for (const resource of resources) {
    const root = rootOf(resource.apiVersion);
    if (!path.startsWith(`${root}/`)) continue;
    const parts = path.slice(root.length + 1).split('/');
    const [first, namespace, ...rest] = parts;
    const [collection, name] = first === 'namespaces' ? rest : parts;
    if (collection !== resource.name) continue;
    return { resource, namespace: first === 'namespaces' ? namespace : undefined, name };
  }
  return undefined;
}

export function resourceOf(object: Json): Resource {
  const found = resources.find(
    ({ kind, apiVersion }) => kind === object['kind'] && apiVersion === object['apiVersion'],
  );
  if (!found) throw new Error(`the server has no ${String(object['apiVersion'])} ${String(object['kind'])}`);
  return found;
}

/** A field that holds an object; an empty one when it holds something else or nothing. */
export function inside(object: Json, field: string): Json {
  const value = object[field];
  return isJson(value) ? value : {};
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `namespace/name`, or `name`. */
export function keyOf(object: Json): string {
  const { namespace, name } = inside(object, 'metadata');
  return typeof namespace === 'string' ? `${namespace}/${String(name)}` : String(name);
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
