import type { ListenAddress } from '../config/defaults.ts';
import { NodeplaneError, toError } from '../errors.ts';
import { addressPort } from '../model/address.ts';
import { type Bound, bind, type Handler } from './bind.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export type { Handler } from './bind.ts';

export interface HttpServerOptions {
  /** What it serves, to begin a sentence: `The health server`. */
  readonly what: string;
  readonly listen: ListenAddress;
  readonly handler: Handler;
  /** Reject when the address cannot be bound, instead of trying again. */
  readonly hardFail: boolean;
  /** The address cannot be bound (NP-SERVE-001); told once for each cause until it could be. */
  readonly failed: (error: Error) => void;
  readonly log: Log;
  readonly clock: Clock;
}

/** A server at an address of the configuration, listening or about to. */
export interface HttpServer {
  /** Of each socket that listens. */
  readonly ports: readonly number[];
  /** Ends it and every connection at once. */
  stop(): Promise<void>;
}

/** kube-proxy's wait between two tries. */
const retryMilliseconds = 5000;

/**
 * Serves until stopped, whatever happens to the address meanwhile.
 * @throws NodeplaneError `NP-SERVE-001`, with `hardFail` only.
 */
export async function serve(options: HttpServerOptions): Promise<HttpServer> {
  const { failed, hardFail, clock } = options;
  let sockets: readonly Bound[] = [];
  let cancel = (): void => undefined;
  let stopped = false;
  let told: string | undefined;
  let trying: Promise<void> = Promise.resolve();

  const attempt = async (): Promise<void> => {
    try {
      sockets = await bindAll(options);
      told = undefined;
      if (stopped) await closeAll(sockets);
    } catch (thrown) {
      const error = listenError(options, toError(thrown));
      if (error.message !== told) failed(error);
      told = error.message;
      if (hardFail) throw error;
      if (stopped) return;
      cancel = clock.after(retryMilliseconds, () => {
        trying = attempt();
      });
    }
  };

  await attempt();
  return {
    get ports() {
      return sockets.map(({ port }) => port);
    },
    stop: async () => {
      stopped = true;
      cancel();
      await trying;
      await closeAll(sockets);
    },
  };
}

/** All sockets of the address, or none. */
async function bindAll({ listen, handler, log, what }: HttpServerOptions): Promise<readonly Bound[]> {
  const troubled = (error: Error): void => log.error({ err: error }, `${what} could not answer a request`);
  const sockets: Bound[] = [];
  try {
    for (const address of socketsOf(listen.address)) {
      const socket = await bind({ address, port: listen.port }, handler, troubled).catch(unlessWithoutIPv6);
      if (socket !== undefined) sockets.push(socket);
    }
    return sockets;
  } catch (thrown) {
    await closeAll(sockets);
    throw thrown;
  }
}

/** Go's net.Listen, and so kube-proxy, takes either wildcard for both families: 0.0.0.0:10256 answers over IPv6 as well. */
function socketsOf(address: string): readonly string[] {
  return address === '0.0.0.0' || address === '::' ? ['0.0.0.0', '::'] : [address];
}

function unlessWithoutIPv6(thrown: unknown): undefined {
  if (isWithoutIPv6(thrown)) return undefined;
  throw thrown;
}

/** A kernel booted with ipv6.disable=1 has no such sockets. */
export function isWithoutIPv6(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EAFNOSUPPORT';
}

function listenError({ what, listen }: HttpServerOptions, cause: Error): NodeplaneError {
  const address = addressPort(listen.address, listen.port);
  return new NodeplaneError('NP-SERVE-001', { what, address, reason: bindReason(cause) }, cause);
}

/** The cause without what the sentence around it says already. */
export function bindReason(cause: Error): string {
  const code = 'code' in cause ? String(cause.code) : '';
  return (
    {
      EADDRINUSE: 'the port is in use',
      EADDRNOTAVAIL: 'this host has no such address',
      EACCES: 'permission denied',
    }[code] ?? cause.message
  );
}

async function closeAll(sockets: readonly Bound[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}
