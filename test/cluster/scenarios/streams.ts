// Traffic from many places at once, and what became of all of it together.
import type { DialResult, StreamCounts } from '../../netns/actor.ts';
import type { RunningTraffic, Traffic } from '../../netns/stage.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';

export interface Stream extends Traffic {
  readonly from: Place;
}

export interface StreamTotals {
  /** All that have ended, the failed ones included. */
  readonly connections: number;
  /** Answered ones by the server's name. */
  readonly byServer: ReadonlyMap<Place, number>;
  /** One text for each, such as `client to 172.30.0.5 80/TCP: timeout after 5000 ms`. */
  readonly failed: readonly string[];
  /** The same of long connections. */
  readonly broken: readonly string[];
  /** Lines that went there and back over long connections. */
  readonly exchanges: number;
  /** Each long connection; `broken` is empty while all is well. `way` is such as `client to 172.30.0.5 80/TCP`. */
  readonly kept: readonly (StreamCounts['kept'][number] & { readonly way: string })[];
}

export interface RunningStreams {
  count(): Promise<StreamTotals>;
  /** @throws Error when there was not a single connection: whatever is said of them says nothing then. */
  stop(): Promise<StreamTotals>;
}

export async function startStreams(
  { network }: Pick<Cluster, 'network'>,
  streams: readonly Stream[],
): Promise<RunningStreams> {
  const running = await Promise.all(
    streams.map(({ from, ...traffic }) => network.startTraffic(from, traffic)),
  );
  const total = async (ask: (traffic: RunningTraffic) => ReturnType<RunningTraffic['count']>) => {
    const counts = await Promise.all(running.map(ask));
    const byServer = added(counts.map(({ answered }) => answered));
    const failed = counts.flatMap((count, index) =>
      count.failed.map((dial) => `${nameOf(streams[index])}: ${howFailed(dial)}`),
    );
    const kept = counts.flatMap((count, index) =>
      count.kept.map((each) => ({ ...each, way: nameOf(streams[index]) })),
    );
    return {
      connections: sum([...byServer.values()]) + failed.length,
      byServer,
      failed,
      broken: kept.filter(({ broken }) => broken !== '').map(({ way, broken }) => `${way}: ${broken}`),
      exchanges: sum(kept.map(({ exchanges }) => exchanges)),
      kept,
    };
  };
  return {
    count: () => total((traffic) => traffic.count()),
    stop: async () => {
      const totals = await total((traffic) => traffic.stop());
      if (totals.connections === 0) throw new Error('there was no connection that could have failed');
      return totals;
    },
  };
}

/** `1234 connections, 0 failed, 0 long ones broken (567 exchanges)`. */
export function figures({ connections, failed, exchanges, broken }: StreamTotals): string {
  return `${connections} connections, ${failed.length} failed, ${broken.length} long ones broken (${exchanges} exchanges)`;
}

function howFailed(dial: DialResult): string {
  const how = 'code' in dial ? dial.code : dial.outcome;
  return `${how} after ${Math.round(dial.milliseconds)} ms`;
}

function nameOf(stream: Stream | undefined): string {
  return `${stream?.from} to ${stream?.to} ${stream?.port}/${stream?.protocol ?? 'TCP'}`;
}

function added(counts: readonly Readonly<Record<string, number>>[]): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) {
    total.set(name, (total.get(name) ?? 0) + count);
  }
  return total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
