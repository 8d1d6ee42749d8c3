import { setTimeout } from 'node:timers/promises';
import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import { nodeNames } from '../nodes.ts';
import { endpointsInKernel } from './kernel-rules.ts';
import { type Endpoint, endpointsOf } from './read.ts';

/** When a change was where, in milliseconds since it was asked for. */
export interface Convergence {
  /** In the EndpointSlices: controllers and kubelets had done their part. */
  readonly published: number;
  /** In the kernels of all nodes. */
  readonly programmed: number;
}

const patienceMilliseconds = 60_000;

/**
 * Changes something and waits until the slices of a Service are as wanted, and after that until all nodes send new connections to
 * its ready endpoints and to no others, or where none is ready to those that are terminating and still serve. Looks every 50 ms.
 * @throws Error when it does not come within a minute.
 */
export async function converge(
  cluster: Pick<Cluster, 'api' | 'network'>,
  service: string,
  change: () => Promise<unknown>,
  wanted: (endpoints: readonly Endpoint[]) => boolean,
): Promise<Convergence> {
  const began = performance.now();
  const elapsed = (): number => Math.round(performance.now() - began);
  await change();
  let published: number | undefined;
  while (elapsed() < patienceMilliseconds) {
    const endpoints = await endpointsOf(cluster.api, service);
    if (wanted(endpoints)) {
      published ??= elapsed();
      if (await areProgrammed(cluster, service, endpoints)) return { published, programmed: elapsed() };
    }
    await setTimeout(50);
  }
  throw new Error(
    `${service} has not converged; published ${published === undefined ? 'never' : `after ${published} ms`}`,
  );
}

async function areProgrammed(
  cluster: Pick<Cluster, 'network'>,
  service: string,
  endpoints: readonly Endpoint[],
): Promise<boolean> {
  const checks = nodeNames.flatMap((node) =>
    families.map(async (family) => {
      const ofFamily = endpoints.filter((each) => each.family === family);
      const ready = ofFamily.filter((each) => each.ready);
      const usable = ready.length > 0 ? ready : ofFamily.filter((each) => each.serving && each.terminating);
      const there = await endpointsInKernel(cluster, node, family, `default/${service}:tcp-80`);
      return (
        there.join() ===
        usable
          .map(({ address }) => address)
          .sort()
          .join()
      );
    }),
  );
  return !(await Promise.all(checks)).includes(false);
}
