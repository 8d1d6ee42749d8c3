import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ListenAddress } from '../config/defaults.ts';
import { toError } from '../errors.ts';
import { respond, textHeaders } from './respond.ts';

/** Answers one request. What it throws becomes a 500. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A socket of ours that answers HTTP. */
export interface Bound {
  /** The port in use, also when 0 was asked for. */
  readonly port: number;
  /** Ends it and every connection at once. */
  close(): Promise<void>;
}

/** The newest connections win: one more than these ends the oldest, so that a probe is answered however many others sit there. */
const maxConnections = 128;

/** Requests of one connection that wait for their answers. Nobody sends more at a time but to make us hold thousands of answers. */
const maxPipelined = 8;
const pieceBytes = 2048;

/** Milliseconds. Idle connections outlive the pause between two probes of a load balancer, and slow ones do not hold memory. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 120_000,
  connectionsCheckingInterval: 10_000,
} as const;

/**
 * Listens on exactly one address: `::` means IPv6 alone, whatever net.ipv6.bindv6only says.
 * @param troubled hears what the handler throws, and errors of the socket once it listens.
 * @throws Error of node with `code` such as EADDRINUSE.
 */
export async function bind(
  { address, port }: ListenAddress,
  handler: Handler,
  troubled: (error: Error) => void,
): Promise<Bound> {
  const isTooMany = countPipelined();
  const server = createServer(limits, (request, response) => {
    if (isTooMany(response)) return;
    answer(handler, request, response).catch((thrown: unknown) => {
      fail(response);
      troubled(toError(thrown));
    });
  });
  const connections = keepNewest(server);
  await listening(server, { host: address, port, ipv6Only: true });
  server.on('error', troubled);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () => close(server, connections),
  };
}

/** Ends a connection that has sent too many requests before it took the answers. */
function countPipelined(): (response: ServerResponse) => boolean {
  const waiting = new WeakMap<Socket, number>();
  return (response) => {
    const { socket } = response.req;
    const count = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, count);
    response.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    if (count > maxPipelined) socket.destroy();
    return socket.destroyed;
  };
}

/**
 * Hands node's parser a little at a time. One read of 64 kB holds 2000 requests, and all of them would be made into objects of some kilobytes
 * before anything can end the connection: measured, 200 connections took 2.6 GB and half a minute.
 */
function readInPieces(socket: Socket): void {
  const parsers = socket.listeners('data');
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    for (let start = 0; start < chunk.length && !socket.destroyed; start += pieceBytes) {
      const piece = chunk.subarray(start, start + pieceBytes);
      for (const parse of parsers) Reflect.apply(parse, socket, [piece]);
    }
  });
}

async function answer(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await handler(request, response);
}

function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else respond(response, 500, textHeaders, 'internal error\n');
}

function keepNewest(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    readInPieces(socket);
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    const [oldest] = connections;
    if (connections.size > maxConnections) oldest?.destroy();
  });
  return connections;
}

function listening(
  server: Server,
  options: { host: string; port: number; ipv6Only: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server, connections: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of connections) socket.destroy();
  });
}
