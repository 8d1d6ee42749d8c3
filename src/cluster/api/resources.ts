import type { ObjectKind } from '../../model/change.ts';

/** What a service proxy asks of one kind of object; the selectors are kube-proxy's. */
export interface Resource {
  readonly kind: ObjectKind;
  readonly apiVersion: string;
  readonly path: string;
  /** As RBAC names it. */
  readonly name: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** A server may refuse the field selector with 400; the readers leave out the same objects. */
  readonly canDropFieldSelector: boolean;
  /** It can be done without. */
  readonly optional: boolean;
}

export function resourcesFor(nodeName: string): readonly Resource[] {
  return [
    {
      kind: 'Service',
      apiVersion: 'v1',
      path: '/api/v1/services',
      name: 'services',
      labelSelector: '!service.kubernetes.io/service-proxy-name',
      // Servers before 1.31 do not know this one (kubernetes#123905).
      fieldSelector: 'spec.clusterIP!=None',
      canDropFieldSelector: true,
      optional: false,
    },
    {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      name: 'endpointslices.discovery.k8s.io',
      labelSelector: '!service.kubernetes.io/headless',
      canDropFieldSelector: false,
      optional: false,
    },
    {
      kind: 'Node',
      apiVersion: 'v1',
      path: '/api/v1/nodes',
      name: 'nodes',
      fieldSelector: `metadata.name=${nodeName}`,
      canDropFieldSelector: false,
      optional: false,
    },
    {
      kind: 'ServiceCIDR',
      apiVersion: 'networking.k8s.io/v1',
      path: '/apis/networking.k8s.io/v1/servicecidrs',
      name: 'servicecidrs.networking.k8s.io',
      canDropFieldSelector: false,
      optional: true,
    },
  ];
}
