import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { endpointPort, servicePort } from './cluster.ts';

/** Sends packets to a virtual address all the time somebody waits, and tells when one arrived at an endpoint. */
export interface Probe {
  /** Milliseconds from `started` until one of the endpoints got a packet; undefined after the timeout. */
  readonly until: (
    endpoints: readonly string[],
    started: number,
    timeoutSeconds: number,
  ) => Promise<number | undefined>;
  readonly close: () => void;
}

/** Endpoints are addresses of this network namespace, with a UDP server at each. */
export async function openProbe(virtual: string, endpoints: readonly string[]): Promise<Probe> {
  const arrived = new Map<string, number>();
  const servers: Socket[] = [];
  for (const address of endpoints) {
    execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
    const server = createSocket('udp4', () => arrived.set(address, performance.now()));
    server.bind(endpointPort, address);
    await once(server, 'listening');
    servers.push(server);
  }
  const until: Probe['until'] = async (wanted, started, timeoutSeconds) => {
    arrived.clear();
    for (;;) {
      const times = wanted.flatMap((address) => arrived.get(address) ?? []);
      if (times.length > 0) return Math.min(...times) - started;
      if (performance.now() - started > timeoutSeconds * 1000) return undefined;
      await sendSome(virtual);
    }
  };
  const close = (): void => {
    for (const server of servers) server.close();
  };
  return { until, close };
}

/** Four new connections, so that one of five endpoints is met within some milliseconds. */
async function sendSome(virtual: string): Promise<void> {
  const sockets = Array.from({ length: 4 }, () => createSocket('udp4'));
  for (const socket of sockets) {
    // Before there are rules the packet may have nowhere to go, which is no error here.
    socket.on('error', () => undefined).send('x', servicePort, virtual, () => undefined);
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
  for (const socket of sockets) socket.close();
}
