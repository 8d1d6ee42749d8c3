import type { Api } from '../api.ts';
import { until } from '../until.ts';
import { type Endpoint, endpointsOf, read } from './read.ts';

/** Long, because thirty Pods may start at once on a busy machine. */
const patienceMilliseconds = 60_000;

interface DeploymentObject {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: Partial<
    Record<'observedGeneration' | 'replicas' | 'updatedReplicas' | 'availableReplicas', number>
  >;
}

/** As `kubectl rollout status` waits: all its Pods are of the newest template and available, and no others are left. */
export async function untilReady(api: Api, deployment: string, namespace = 'default'): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`;
  let last: DeploymentObject['status'] = {};
  const what = () => `deployment ${deployment} is complete: ${JSON.stringify(last)}`;
  await until(what, patienceMilliseconds, async () => {
    const { metadata, spec, status } = await read<DeploymentObject>(api, path);
    last = status;
    const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
    const complete = counts.every((count = 0) => count === spec.replicas);
    return complete && status.observedGeneration === metadata.generation;
  });
}

/** Until the slices of a Service are as wanted. @returns its endpoints. */
export async function untilEndpoints(
  api: Api,
  service: string,
  wanted: (endpoints: readonly Endpoint[]) => boolean,
): Promise<readonly Endpoint[]> {
  let last: readonly Endpoint[] = [];
  const what = () => `endpoints of ${service}: ${JSON.stringify(last)}`;
  await until(what, patienceMilliseconds, async () => {
    last = await endpointsOf(api, service);
    return wanted(last);
  });
  return last;
}

/** A wish for {@link untilEndpoints}: so many ready ones per family, and no others. */
export function allReady(count: number): (endpoints: readonly Endpoint[]) => boolean {
  return (endpoints) => endpoints.length === 2 * count && endpoints.every(({ ready }) => ready);
}

/** So many ready ones per family; what others there are does not matter. */
export function someReady(count: number): (endpoints: readonly Endpoint[]) => boolean {
  return (endpoints) => endpoints.filter(({ ready }) => ready).length === 2 * count;
}
