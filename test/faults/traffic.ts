import { families } from '../../src/model/address.ts';
import type { RunningTraffic, World } from '../netns/world.ts';
import { at, protocols } from './objects.ts';

/** What became of all connections and exchanges of some traffic. */
export interface Tally {
  readonly answered: number;
  /** Each in words. */
  readonly failed: readonly string[];
  /** Connections that were to stay and did not, in words. */
  readonly broken: readonly string[];
  /** Lines that went there and back over connections that stayed. */
  readonly exchanges: number;
}

/** A steady stream of new TCP connections, of UDP exchanges, and a long TCP connection to each Service, in both families. */
export class SteadyTraffic {
  readonly #streams: readonly RunningTraffic[];

  private constructor(streams: readonly RunningTraffic[]) {
    this.#streams = streams;
  }

  /** @param vips numbers of the Services' ClusterIPs. */
  static async start(world: World, vips: readonly number[], everyMilliseconds = 25): Promise<SteadyTraffic> {
    const targets = vips.flatMap((vip) =>
      families.flatMap((family) => protocols.map((protocol) => ({ protocol, to: at[family].vip(vip) }))),
    );
    const streams = targets.map(({ protocol, to }) =>
      world.startTraffic('client', {
        protocol,
        to,
        port: 80,
        everyMilliseconds,
        kept: protocol === 'TCP' ? 1 : 0,
        timeoutMilliseconds: 10_000,
      }),
    );
    return new SteadyTraffic(await Promise.all(streams));
  }

  count(): Promise<Tally> {
    return this.#tally((stream) => stream.count());
  }

  stop(): Promise<Tally> {
    return this.#tally((stream) => stream.stop());
  }

  async #tally(ask: (stream: RunningTraffic) => ReturnType<RunningTraffic['count']>): Promise<Tally> {
    const all = await Promise.all(this.#streams.map(ask));
    return {
      answered: sum(all.flatMap(({ answered }) => Object.values(answered))),
      failed: all.flatMap(({ failed }) => failed.map((each) => JSON.stringify(each))),
      broken: all.flatMap(({ kept }) => kept.map(({ broken }) => broken).filter((each) => each !== '')),
      exchanges: sum(all.flatMap(({ kept }) => kept.map(({ exchanges }) => exchanges))),
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
