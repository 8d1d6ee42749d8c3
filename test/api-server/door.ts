import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** How connections are received: served, not at all (nobody listens), reset after accept, or accepted and ignored. */
export type Network = 'up' | 'refuse' | 'reset' | 'silent';

/** The listening TCP socket before TLS, so that faults can be made below it. */
export interface Door {
  readonly counts: {
    /** TCP connections that were accepted, ever. */
    readonly accepted: number;
    /** TLS handshakes that were completed, ever. */
    readonly handshakes: number;
    /** Connections that are open now. */
    readonly open: number;
  };
  readonly port: () => number;
  /** Connections that are there already stay. */
  readonly network: (network: Network) => Promise<void>;
  readonly secured: () => void;
  /** The TCP socket below a TLS socket. */
  readonly rawOf: (socket: Socket) => Socket | undefined;
  readonly cut: () => void;
  readonly close: () => void;
}

export function createDoor(http: Server, address: string, wanted: number): Door {
  const sockets = new Map<number | undefined, Socket>();
  const counts = { accepted: 0, handshakes: 0, open: 0 };
  let network: Network = 'up';
  let port = wanted;
  const listener = createServer((socket) => {
    const { remotePort } = socket;
    counts.accepted += 1;
    counts.open += 1;
    sockets.set(remotePort, socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      counts.open -= 1;
      if (sockets.get(remotePort) === socket) sockets.delete(remotePort);
    });
    if (network === 'reset') socket.resetAndDestroy();
    else if (network === 'up') http.emit('connection', socket);
    else socket.resume(); // else the end of the client would go unnoticed
  });
  const cut = (): void => {
    for (const socket of sockets.values()) socket.resetAndDestroy();
  };
  return {
    counts,
    port: () => port,
    async network(next) {
      network = next;
      if (next === 'refuse') {
        if (listener.listening) listener.close();
      } else if (!listener.listening) {
        listener.listen(port, address);
        await once(listener, 'listening');
        port = addressOf(listener.address()).port;
      }
    },
    secured() {
      counts.handshakes += 1;
    },
    rawOf: (socket) => sockets.get(socket.remotePort),
    cut,
    close() {
      cut();
      listener.close();
    },
  };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
  return address;
}
