import { NodeplaneError, toError } from '../errors.ts';
import { type Family, familyOf } from '../model/address.ts';
import { type Bound, bind, type Handler } from './bind.ts';
import { bindReason, isWithoutIPv6 } from './http.ts';

export interface DoorOptions {
  /** `namespace/name`. */
  readonly service: string;
  readonly port: number;
  /** Answers what is asked in the family. */
  readonly handler: (family: Family) => Handler;
  /** It cannot listen (NP-SERVE-002); told once for each cause until it could. */
  readonly failed: (error: Error) => void;
  /** What goes wrong with a request. */
  readonly troubled: (error: Error) => void;
}

/** The sockets of one Service's health check: one for each address. */
export interface Door {
  readonly port: number;
  /** Some address could not be listened at. */
  readonly lacking: boolean;
  /** Listens at exactly these; sockets that stay are not touched. Never rejects. */
  adjust(addresses: readonly string[]): Promise<void>;
  /** Ends sockets and connections at once. */
  close(): Promise<void>;
}

export function createDoor(options: DoorOptions): Door {
  const sockets = new Map<string, Bound>();
  let wanted: readonly string[] = [];
  let lacking = false;
  let told: string | undefined;
  let opening: Promise<void> = Promise.resolve();

  const open = async (address: string): Promise<Error | undefined> => {
    try {
      const { handler, port, troubled } = options;
      const socket = await bind({ address, port }, handler(familyOf(address)), troubled);
      if (wanted.includes(address)) sockets.set(address, socket);
      else await socket.close();
      return undefined;
    } catch (thrown) {
      return isWithoutIPv6(toError(thrown)) ? undefined : toError(thrown);
    }
  };
  const openMissing = async (): Promise<void> => {
    const missing = wanted.filter((address) => !sockets.has(address));
    const failures = (await Promise.all(missing.map(open))).filter((failure) => failure !== undefined);
    const [failure] = failures;
    lacking = failure !== undefined;
    const reason = failure && bindReason(failure);
    if (failure !== undefined && reason !== told) options.failed(listenError(options, failure));
    told = reason;
  };
  const closeUnwanted = async (): Promise<void> => {
    const unwanted = [...sockets].filter(([address]) => !wanted.includes(address));
    for (const [address] of unwanted) sockets.delete(address);
    await Promise.all(unwanted.map(([, socket]) => socket.close()));
  };

  return {
    port: options.port,
    get lacking() {
      return lacking;
    },
    adjust: async (addresses) => {
      wanted = addresses;
      const closed = closeUnwanted();
      opening = opening.then(openMissing);
      await Promise.all([closed, opening]);
    },
    close: async () => {
      wanted = [];
      await closeUnwanted();
      await opening;
    },
  };
}

function listenError({ service, port }: DoorOptions, cause: Error): NodeplaneError {
  return new NodeplaneError('NP-SERVE-002', { service, port, reason: bindReason(cause) }, cause);
}
