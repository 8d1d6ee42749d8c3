import type { TrafficProtocol } from '../../netns/actor.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { until } from '../until.ts';

export interface Target {
  readonly to: string;
  readonly port: number;
  /** TCP when undefined. */
  readonly protocol?: TrafficProtocol;
  /** New connections; 24 when undefined, enough to see each of three endpoints but once in 5,000 times. */
  readonly count?: number;
}

/** A refusal that arrives within connect() counts only when it comes again, a second later. */
const timeoutMilliseconds = 2500;
/** From an accepted change to the last node on a busy machine. */
const followedMilliseconds = 20_000;

/** What becomes of new connections: names of servers, or outcomes, each once, sorted and joined by commas. */
export async function outcomes(
  { network }: Pick<Cluster, 'network'>,
  from: Place,
  { count = 24, ...target }: Target,
): Promise<string> {
  const dials = await network.dial(from, { ...target, count, concurrency: count, timeoutMilliseconds });
  const seen = new Set(dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome)));
  return [...seen].sort().join();
}

/** Until {@link outcomes} are these, from everywhere; `expected` are names of servers or outcomes in any order. */
export async function untilOutcomes(
  cluster: Pick<Cluster, 'network'>,
  from: readonly Place[],
  target: Target,
  expected: readonly string[],
  milliseconds = followedMilliseconds,
): Promise<void> {
  const wanted = [...expected].sort().join();
  const waits = from.map(async (place) => {
    let last = '';
    const { protocol = 'TCP', to, port } = target;
    const what = () => `${place} to ${to} ${port}/${protocol}: ${last}, expected ${wanted}`;
    await until(what, milliseconds, async () => {
      last = await outcomes(cluster, place, target);
      return last === wanted;
    });
  });
  await Promise.all(waits);
}
