interface Resource {
  /** The group and version as a path. */
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const core = '/api/v1';
const apps = '/apis/apps/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** What tests write or read, and where the API has it. */
const resources = {
  Namespace: { group: core, plural: 'namespaces', namespaced: false },
  Node: { group: core, plural: 'nodes', namespaced: false },
  Pod: { group: core, plural: 'pods', namespaced: true },
  ConfigMap: { group: core, plural: 'configmaps', namespaced: true },
  Secret: { group: core, plural: 'secrets', namespaced: true },
  Service: { group: core, plural: 'services', namespaced: true },
  ServiceAccount: { group: core, plural: 'serviceaccounts', namespaced: true },
  Endpoints: { group: core, plural: 'endpoints', namespaced: true },
  Deployment: { group: apps, plural: 'deployments', namespaced: true },
  ReplicaSet: { group: apps, plural: 'replicasets', namespaced: true },
  DaemonSet: { group: apps, plural: 'daemonsets', namespaced: true },
  StatefulSet: { group: apps, plural: 'statefulsets', namespaced: true },
  EndpointSlice: { group: '/apis/discovery.k8s.io/v1', plural: 'endpointslices', namespaced: true },
  Event: { group: '/apis/events.k8s.io/v1', plural: 'events', namespaced: true },
  ServiceCIDR: { group: '/apis/networking.k8s.io/v1', plural: 'servicecidrs', namespaced: false },
  IPAddress: { group: '/apis/networking.k8s.io/v1', plural: 'ipaddresses', namespaced: false },
  Lease: { group: '/apis/coordination.k8s.io/v1', plural: 'leases', namespaced: true },
  PriorityClass: { group: '/apis/scheduling.k8s.io/v1', plural: 'priorityclasses', namespaced: false },
  Role: { group: rbac, plural: 'roles', namespaced: true },
  RoleBinding: { group: rbac, plural: 'rolebindings', namespaced: true },
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
