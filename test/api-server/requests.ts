import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';

/** A request as the server got it. */
export interface Seen {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly watch: boolean;
  readonly authorization: string | undefined;
  readonly userAgent: string | undefined;
  readonly acceptEncoding: string | undefined;
  /** Common name of a client certificate that the server's authority signed. */
  readonly certificate: string | undefined;
  /** Port of the client: one for each connection. */
  readonly connection: number | undefined;
}

export interface Log {
  add(seen: Seen): void;
  /** All requests, or those whose path begins so. The oldest are forgotten after 100,000. */
  all(path?: string): readonly Seen[];
  /** The most requests that came within any second. */
  mostPerSecond(path?: string): number;
  clear(): void;
}

export function createLog(): Log {
  let log: Seen[] = [];
  const all = (path = ''): readonly Seen[] => log.filter((seen) => seen.path.startsWith(path));
  return {
    add(seen) {
      log.push(seen);
      if (log.length > 100_000) log = log.slice(50_000);
    },
    all,
    mostPerSecond(path) {
      const times = all(path).map(({ at }) => at);
      let from = 0;
      return times.reduce((most, at, index) => {
        while (at - (times[from] ?? at) >= 1000) from += 1;
        return Math.max(most, index - from + 1);
      }, 0);
    },
    clear() {
      log = [];
    },
  };
}

export function seenOf(request: IncomingMessage, url: URL): Seen {
  const { socket, headers } = request;
  const peer = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate() : undefined;
  const accepted = headers['accept-encoding'];
  return {
    at: performance.now(),
    method: request.method ?? '',
    path: url.pathname,
    query: url.search.slice(1),
    watch: url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1',
    authorization: headers.authorization,
    userAgent: headers['user-agent'],
    acceptEncoding: typeof accepted === 'string' ? accepted : undefined,
    certificate: commonName(peer),
    connection: socket.remotePort,
  };
}

function commonName(peer: PeerCertificate | undefined): string | undefined {
  const name: unknown = peer?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}
