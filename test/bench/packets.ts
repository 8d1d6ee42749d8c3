import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import { restoreLines } from '../../src/rules/iptables/plan/restore.ts';
import { type BenchService, benchServices, changesOf, createCluster, servicePort } from './cluster.ts';
import { type Spread, spreadOf, timed } from './figures.ts';
import { flatDispatch, linearChoice } from './flat.ts';
import { openIptables, type Shape } from './restore.ts';
import { planFully } from './rules.ts';

export interface PacketsJob {
  readonly kind: 'packets';
  /** `none`: no rules at all, and no connection tracking. */
  readonly variant: IptablesVariant | 'none';
  readonly services: number;
  /** Of each Service. */
  readonly endpoints: number;
  readonly shape: Shape;
  /** First packets sent to each target. */
  readonly packets: number;
}

/** Microseconds inside `send` for the first packet of a connection, JavaScript included. */
export interface PacketFigures {
  /** The Service with the lowest address, which is first in a flat list, and the one with the highest. */
  readonly first: Spread | undefined;
  readonly last: Spread | undefined;
  /** An address of no Service. */
  readonly other: Spread;
  /** Seconds that the rules took to load. */
  readonly loadSeconds: number;
}

type Target = keyof Omit<PacketFigures, 'loadSeconds'>;

/** Sockets that are open at the same time. */
const batch = 250;

export async function measurePackets(job: PacketsJob): Promise<PacketFigures> {
  const services = benchServices(job.services, job.endpoints);
  const { ms } = await timed(() => loadRules(job, services));
  const [first, last] = endsOf(services);
  const targets: (readonly [Target, string])[] = [['other', '198.51.100.7']];
  if (first !== undefined) targets.push(['first', first]);
  if (last !== undefined && last !== first) targets.push(['last', last]);
  await sendEach(2000, [['other', '198.51.100.8']]);
  await sendEach(batch, targets);
  const times = await sendEach(job.packets, targets);
  const spread = (target: Target): Spread | undefined =>
    times[target].length === 0 ? undefined : spreadOf(times[target]);
  return {
    first: spread('first'),
    last: spread('last'),
    other: spreadOf(times.other),
    loadSeconds: ms / 1000,
  };
}

async function loadRules(job: PacketsJob, services: readonly BenchService[]): Promise<void> {
  if (job.variant === 'none') return;
  const cluster = createCluster();
  await cluster.take(changesOf(services));
  const { layout, plan } = await planFully(cluster.snapshot());
  const [only] = layout.routes.routes.size === 1 ? services : [];
  const flat = (): typeof plan.steps =>
    only === undefined
      ? flatDispatch(layout, plan.steps)
      : linearChoice(layout, plan.steps, `${only.namespace}/${only.name}:http/udp`);
  const steps = job.shape === 'flat' ? flat() : plan.steps;
  // How rules came into the kernel does not matter to a packet, so the baseline is loaded in the quickest way too.
  const iptables = await openIptables(job.variant);
  await iptables.restore(restoreLines(steps, job.variant === 'nft' ? 'small' : 'one'));
}

function endsOf(services: readonly BenchService[]): readonly [string | undefined, string | undefined] {
  const number = (address: string): number =>
    address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const sorted = services.map(({ address }) => address).sort((a, b) => number(a) - number(b));
  return [sorted[0], sorted.at(-1)];
}

/** Microseconds that each of so many first packets to one address takes. */
export async function firstPackets(address: string, packets: number): Promise<readonly number[]> {
  return (await sendEach(packets, [['last', address]])).last;
}

/** Targets take turns, so that what else happens on the machine meets all of them. */
async function sendEach(
  packets: number,
  targets: readonly (readonly [Target, string])[],
): Promise<Readonly<Record<Target, readonly number[]>>> {
  const times: Record<Target, number[]> = { first: [], last: [], other: [] };
  for (let sent = 0; sent < packets; sent += batch) {
    for (const [target, address] of targets) {
      const sockets = await openSockets(address);
      for (const socket of sockets) times[target].push(microsecondsToSend(socket));
      await Promise.all(sockets.map(close));
    }
  }
  return times;
}

/** Connected sockets with a port of their own each, so that a packet from any of them is a new connection. */
async function openSockets(address: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: batch }, () => createSocket('udp4'));
  await Promise.all(
    sockets.map(async (socket) => {
      socket.connect(servicePort, address);
      await once(socket, 'connect');
    }),
  );
  return sockets;
}

const payload = Buffer.from('x');

/** Node hands a packet to the kernel inside `send` itself as long as no other one waits in the same socket. */
function microsecondsToSend(socket: Socket): number {
  const started = process.hrtime.bigint();
  socket.send(payload);
  return Number(process.hrtime.bigint() - started) / 1000;
}

async function close(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}
