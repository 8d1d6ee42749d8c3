/** Whom a client's certificate names. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** May do everything, even before there are roles. */
export const administrator: User = { name: 'admin', groups: ['system:masters'] };

/** As in any cluster, its rights come from a role that the API server itself makes. */
export const controllerManagerUser: User = { name: 'system:kube-controller-manager', groups: [] };
