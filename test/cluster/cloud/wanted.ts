import * as v from 'valibot';
import type { Family } from '../../../src/model/address.ts';
import type { ApiObject } from '../api.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { isLoadBalancerAddress } from './addresses.ts';

/** What a Service asks of the cloud. */
export interface Wanted {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Nothing, when it is not of type LoadBalancer; then it may still have addresses to lose. */
  readonly families: readonly Family[];
  /** Where its nodes tell their health. */
  readonly probe: { readonly family: Family; readonly port: number };
  /** The addresses its status has now. */
  readonly ingress: readonly string[];
}

/** Where the service proxy itself tells its health. */
const proxyHealthPort = 10256;
/** The label that keeps a node out of load balancers, whatever its value. */
const exclusion = 'node.kubernetes.io/exclude-from-external-load-balancers';

const serviceSchema = v.object({
  metadata: v.object({ uid: v.string(), namespace: v.string(), name: v.string() }),
  spec: v.object({
    type: v.string(),
    loadBalancerClass: v.optional(v.string()),
    ipFamilies: v.optional(v.array(v.picklist(['IPv4', 'IPv6'])), []),
    externalTrafficPolicy: v.optional(v.string()),
    healthCheckNodePort: v.optional(v.number()),
  }),
  status: v.object({
    loadBalancer: v.object({ ingress: v.optional(v.array(v.object({ ip: v.optional(v.string()) })), []) }),
  }),
});

/** Undefined for what is no concern of ours: Services that never had anything of us, or belong to another cloud. */
export function wantedBy(object: ApiObject): Wanted | undefined {
  const { metadata, spec, status } = v.parse(serviceSchema, object);
  const ours = spec.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;
  const ingress = status.loadBalancer.ingress.flatMap(({ ip }) => ip ?? []);
  if (!ours && !ingress.some(isLoadBalancerAddress)) return undefined;
  const local = spec.externalTrafficPolicy === 'Local' ? spec.healthCheckNodePort : undefined;
  const probe = { family: spec.ipFamilies[0] ?? 'IPv4', port: local ?? proxyHealthPort };
  return { ...metadata, families: ours ? spec.ipFamilies : [], probe, ingress };
}

const nodeSchema = v.object({
  metadata: v.object({
    name: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    deletionTimestamp: v.optional(v.string()),
  }),
});

/**
 * The nodes that load balancers may use. Whether they are Ready does not matter, as in clouds since Kubernetes 1.27 (KEP-3458): probes
 * tell. In the order of {@link nodeNames}.
 */
export function nodesOf(objects: readonly ApiObject[]): readonly NodeName[] {
  const usable = objects.map((object) => v.parse(nodeSchema, object).metadata).filter(isUsable);
  return nodeNames.filter((node) => usable.some(({ name }) => name === node));
}

function isUsable({ labels, deletionTimestamp }: v.InferOutput<typeof nodeSchema>['metadata']): boolean {
  return deletionTimestamp === undefined && !Object.hasOwn(labels, exclusion);
}
