import type { Json } from '../conformance/objects.ts';

/** Whom a client's certificate names. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** May do everything, even before there are roles. */
export const administrator: User = { name: 'admin', groups: ['system:masters'] };

const agents = 'nodeplane:agents';

/** Whom the agent of a node is to the API server. */
export function agentUser(node: string): User {
  return { name: `nodeplane:${node}`, groups: [agents] };
}

const read = ['list', 'watch'];
const group = 'rbac.authorization.k8s.io';

/** What an agent may do and nothing else: `system:node-proxier` without Endpoints, which we never read. */
export const agentRole: readonly Json[] = [
  {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'nodeplane' },
    rules: [
      { apiGroups: [''], resources: ['services'], verbs: read },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: read },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', ...read] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'nodeplane' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'nodeplane' },
    subjects: [{ apiGroup: group, kind: 'Group', name: agents }],
  },
];
