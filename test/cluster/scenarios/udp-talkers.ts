// UDP clients that keep their socket and its port, whatever becomes of the server.
import { join } from 'node:path';
import { families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import type { Place } from '../network/network.ts';
import { nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { addressesOf } from './read.ts';

const client = join(import.meta.dirname, '../../faults/udp-client.mjs');
const everyMilliseconds = 50;

/** The first answer of a server that was not the one before. */
export interface FirstAnswer {
  readonly server: Place;
  /** As `Date.now()` has it. */
  readonly at: number;
  /** Milliseconds since the last answer of the one before. */
  readonly silence: number;
}

export interface Talker {
  /** `node-1 to 172.30.0.5`. */
  readonly name: string;
  /** Undefined while nobody has answered. */
  last(): FirstAnswer | undefined;
  stop(): Promise<unknown>;
}

/** To a UDP port of a Service with node ports: from places inside by its ClusterIPs, and from the client by all nodes; they send until they are stopped. */
export async function startTalkers(
  cluster: Pick<Cluster, 'api' | 'network'>,
  service: string,
  port: number,
  inside: readonly Place[],
): Promise<readonly Talker[]> {
  const { clusterIP, nodePort } = await addressesOf(cluster.api, service);
  const ways = families.flatMap((family) => [
    ...inside.map((from) => ({ from, family, to: clusterIP[family], toPort: port })),
    ...nodeNames.map((node) => {
      const to = cluster.network.address(node, family);
      return { from: 'client', family, to, toPort: nodePort('UDP', port) };
    }),
  ]);
  return ways.map(({ from, family, to, toPort }, index) => {
    const own = [cluster.network.address(from, family), String(40_000 + index)];
    const target = [to, String(toPort), String(everyMilliseconds)];
    const program = cluster.network.start(from, [process.execPath, client, ...own, ...target]);
    return {
      name: `${from} to ${to}`,
      last: () => firstAnswer(program.lines.at(-1)),
      stop: () => program.stop('SIGKILL'),
    };
  });
}

/** Until this one answers all of them. @returns its first answers. */
export async function untilAnsweredBy(
  talkers: readonly Talker[],
  server: Place,
  milliseconds: number,
): Promise<readonly FirstAnswer[]> {
  const answers = () => talkers.map((talker) => ({ talker, answer: talker.last() }));
  const others = () => answers().filter(({ answer }) => answer?.server !== server);
  const what = () =>
    `all are answered by ${server}; ${others()
      .map(({ talker, answer }) => `${talker.name} by ${answer?.server}`)
      .join(', ')}`;
  await until(what, milliseconds, async () => others().length === 0);
  return answers().flatMap(({ answer }) => answer ?? []);
}

function firstAnswer(line = ''): FirstAnswer | undefined {
  const [at, server, silence] = line.split(' ');
  if (server === undefined) return undefined;
  return { at: Number(at), server, silence: Number(silence) };
}
