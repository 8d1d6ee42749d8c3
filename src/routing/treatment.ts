import type { Eligible } from './eligible.ts';
import type { PolicyUse } from './policy.ts';
import type { Action, EndpointSet, LocalPods, Treatment } from './route.ts';

/** What decides treatments besides the policies of the Service. */
export interface TreatmentContext {
  readonly eligible: Eligible;
  readonly masqueradeAll: boolean;
  /** Undefined: this node cannot tell its own pods. */
  readonly localPods: LocalPods | undefined;
}

/**
 * ClusterIP traffic. Masqueraded when it does not come from a local pod, so that the answer passes this node again; without a
 * detector never, with `masqueradeAll` always.
 */
export function internalTreatment(use: PolicyUse, context: TreatmentContext): Treatment {
  return shared(internal(use, context));
}

function internal(use: PolicyUse, context: TreatmentContext): Treatment {
  const over: EndpointSet = use.internal === 'Local' ? 'local' : 'cluster';
  const refusal = refusalOf(over, context.eligible);
  if (refusal !== undefined) return [{ source: 'any', action: refusal }];
  if (context.masqueradeAll) return [{ source: 'any', action: balance(over, true) }];
  if (context.localPods === undefined) return [{ source: 'any', action: balance(over, false) }];
  return [
    { source: 'not-local-pods', action: balance(over, true) },
    { source: 'any', action: balance(over, false) },
  ];
}

/**
 * Traffic to a NodePort, an external IP or a load balancer's address. Under policy Cluster all of it is masqueraded. Under
 * policy Local the client's address is kept and only local endpoints serve; but this node's pods and the node itself could have
 * used the ClusterIP, so they get the cluster set.
 */
export function externalTreatment(use: PolicyUse, context: TreatmentContext): Treatment {
  return shared(external(use, context));
}

function external(use: PolicyUse, context: TreatmentContext): Treatment {
  const nowhere = refusalOf('cluster', context.eligible);
  if (nowhere !== undefined) return [{ source: 'any', action: nowhere }];
  if (use.external === 'Cluster') return [{ source: 'any', action: balance('cluster', true) }];
  const fromPods = { source: 'local-pods', action: balance('cluster', false) } as const;
  return [
    ...(context.localPods === undefined ? [] : [fromPods]),
    { source: 'node', action: balance('cluster', true) },
    { source: 'any', action: refusalOf('local', context.eligible) ?? balance('local', false) },
  ];
}

/** Nothing anywhere: the client is told. Something elsewhere: silence, because another node may answer for the address. */
function refusalOf(over: EndpointSet, eligible: Eligible): Action | undefined {
  if (eligible[over].length > 0) return undefined;
  return { kind: eligible.anywhere ? 'drop' : 'reject' };
}

function balance(over: EndpointSet, masquerade: boolean): Action {
  return { kind: 'balance', over, masquerade };
}

/** Of the few treatments there are, each is one object, however many Services have it. */
function shared(treatment: Treatment): Treatment {
  const text = JSON.stringify(treatment);
  const known = treatments.get(text) ?? treatment;
  treatments.set(text, known);
  return known;
}

const treatments = new Map<string, Treatment>();
