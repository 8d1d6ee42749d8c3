import type { Endpoint } from '../model/endpoint.ts';
import type { PolicyUse } from './policy.ts';
import { hinted, type Position } from './topology.ts';

/** Which endpoints may serve a ServicePort on this node. */
export interface Eligible {
  /** For traffic under policy Cluster; empty when no traffic of the Service is. */
  readonly cluster: readonly Endpoint[];
  /** For traffic under policy Local; empty when no traffic of the Service is. */
  readonly local: readonly Endpoint[];
  /** Some endpoint anywhere could serve: what separates drop (elsewhere) from reject (nowhere). */
  readonly anywhere: boolean;
}

/**
 * Ready endpoints, or those that still serve while terminating when none is ready (KEP-1669), for both policies apart.
 * Hints narrow the cluster set only, and only as long as something is ready.
 */
export function eligible(endpoints: readonly Endpoint[], use: PolicyUse, position: Position): Eligible {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const serving = readyOrDraining(endpoints, ready);
  const here = endpoints.filter((endpoint) => endpoint.nodeName === position.nodeName);
  return {
    cluster: use.cluster ? (ready.length > 0 ? hinted(ready, position) : serving) : [],
    local: use.local
      ? readyOrDraining(
          here,
          here.filter((endpoint) => endpoint.ready),
        )
      : [],
    anywhere: serving.length > 0,
  };
}

function readyOrDraining(endpoints: readonly Endpoint[], ready: readonly Endpoint[]): readonly Endpoint[] {
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}
