// Runs in a node's namespace: connects to Services and says when a connection arrived where it should. Orders come as JSON lines
// with an `id`, answers go with the same one; see orders.ts.
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { endpointPort, servicePort } from '../cluster.ts';
import { spreadOf } from '../figures.ts';
import { firstPackets } from '../packets.ts';
import { type Answers, type Order, podNetworks } from './orders.ts';

interface Waiting {
  readonly virtual: string;
  readonly endpoints: ReadonlySet<string>;
  readonly deadline: number;
  readonly ended: (arrived: number | undefined) => void;
}

const waiting = new Set<Waiting>();
/** Whom the next connection is for, of those that wait. */
let turn = 0;

const now = (): number => performance.timeOrigin + performance.now();

const server = createServer((socket) => {
  const arrived = now();
  // A socket that is closed has none any more.
  const endpoint = socket.localAddress ?? '';
  socket.on('error', () => undefined).resetAndDestroy();
  for (const each of waiting) if (each.endpoints.has(endpoint)) end(each, arrived);
});
takePods(true);
server.listen(endpointPort, '0.0.0.0');
setInterval(knock, 1);

for await (const line of createInterface({ input: process.stdin })) {
  const order: Order & { readonly id: number } = JSON.parse(line);
  void answer(order).then((told) => console.log(JSON.stringify({ id: order.id, ...told })));
}
process.exit(0);

function answer(order: Order): Promise<Answers[Order['do']]> {
  switch (order.do) {
    case 'await':
      return untilArrived(order.virtual, order.endpoints, order.milliseconds);
    case 'first-packets':
      return timeFirstPackets(order.virtual, order.packets);
    case 'get':
      return get(order.url);
  }
}

function untilArrived(
  virtual: string,
  endpoints: readonly string[],
  milliseconds: number,
): Promise<Answers['await']> {
  return new Promise((resolve) => {
    waiting.add({
      virtual,
      endpoints: new Set(endpoints),
      deadline: now() + milliseconds,
      ended: (arrived) => resolve(arrived === undefined ? {} : { arrived }),
    });
  });
}

/** One connection a millisecond at most, however many wait: to look must not become the load. */
function knock(): void {
  for (const each of waiting) if (now() > each.deadline) end(each, undefined);
  const all = [...waiting];
  if (all.length === 0) return;
  turn = (turn + 1) % all.length;
  const { virtual } = all[turn] ?? {};
  if (virtual === undefined) return;
  // While there are no rules, nobody answers.
  const socket = connect({ host: virtual, port: servicePort, timeout: 30 });
  for (const event of ['connect', 'timeout', 'error'] as const) socket.on(event, () => socket.destroy());
}

function end(one: Waiting, arrived: number | undefined): void {
  waiting.delete(one);
  one.ended(arrived);
}

async function timeFirstPackets(virtual: string, packets: number): Promise<Answers['first-packets']> {
  takePods(false);
  try {
    await firstPackets(virtual, 500);
    const { p50, p99 } = spreadOf(await firstPackets(virtual, packets));
    return { p50, p99 };
  } finally {
    takePods(true);
  }
}

async function get(url: string): Promise<Answers['get']> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return { body: await response.text() };
  } catch {
    return {};
  }
}

/** Whether the addresses of pods are this node's own: packets to them come to our server, or else leave the node. */
function takePods(take: boolean): void {
  for (const network of podNetworks)
    execFileSync('ip', ['route', take ? 'add' : 'del', 'local', network, 'dev', 'lo']);
}
