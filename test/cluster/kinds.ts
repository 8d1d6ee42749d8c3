interface Resource {
  /** The group and version as a path. */
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const core = '/api/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** What tests write or read, and where the API has it. */
const resources = {
  Namespace: { group: core, plural: 'namespaces', namespaced: false },
  Node: { group: core, plural: 'nodes', namespaced: false },
  Pod: { group: core, plural: 'pods', namespaced: true },
  Secret: { group: core, plural: 'secrets', namespaced: true },
  Service: { group: core, plural: 'services', namespaced: true },
  Deployment: { group: '/apis/apps/v1', plural: 'deployments', namespaced: true },
  EndpointSlice: { group: '/apis/discovery.k8s.io/v1', plural: 'endpointslices', namespaced: true },
  Event: { group: '/apis/events.k8s.io/v1', plural: 'events', namespaced: true },
  ServiceCIDR: { group: '/apis/networking.k8s.io/v1', plural: 'servicecidrs', namespaced: false },
  ClusterRole: { group: rbac, plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { group: rbac, plural: 'clusterrolebindings', namespaced: false },
} as const satisfies Readonly<Record<string, Resource>>;

export type Kind = keyof typeof resources;

export function isKind(kind: unknown): kind is Kind {
  return typeof kind === 'string' && Object.hasOwn(resources, kind);
}

/** Where the objects of a kind are. An empty namespace means all of them; undefined means `default`. */
export function pathOf(of: { readonly kind: Kind; readonly namespace?: string | undefined }): string {
  const { group, plural, namespaced } = resources[of.kind];
  const namespace = of.namespace ?? 'default';
  return `${group}${namespaced && namespace !== '' ? `/namespaces/${namespace}` : ''}/${plural}`;
}
