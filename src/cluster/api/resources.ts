import type { ObjectKind } from '../../model/change.ts';
import { proxyNameLabel } from '../../model/read-service.ts';

/** What a service proxy asks of one kind of object; the selectors are kube-proxy's, but for the one of a proxy with a name. */
export interface Resource {
  readonly kind: ObjectKind;
  readonly apiVersion: string;
  readonly path: string;
  /** As RBAC names it. */
  readonly name: string;
  /** Of Services: the readers leave out those that are not for the proxy of this name; undefined: those that carry a name at all. */
  readonly proxyName?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** A server may refuse the field selector with 400; the readers leave out the same objects. */
  readonly canDropFieldSelector: boolean;
  /** It can be done without. */
  readonly optional: boolean;
}

/** @param proxyName of the Services; undefined: those without the label, as kube-proxy serves them. */
export function resourcesFor(nodeName: string, proxyName: string | undefined): readonly Resource[] {
  return [
    {
      kind: 'Service',
      apiVersion: 'v1',
      path: '/api/v1/services',
      name: 'services',
      proxyName,
      labelSelector: proxyName === undefined ? `!${proxyNameLabel}` : `${proxyNameLabel}=${proxyName}`,
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
