import { createServer } from 'node:net';
import { toError } from '../../errors.ts';

/** What holds as long as this process writes rules here. */
export type Claim =
  | { readonly kind: 'held'; release(): Promise<void> }
  /** Another process has it. */
  | { readonly kind: 'taken' }
  /** The system does not let us try. */
  | { readonly kind: 'unknown'; readonly error: Error };

/** Takes the claim to the chains whose names begin so (`KUBE-`), or tells why it cannot be had. */
export type TakeClaim = (prefix: string) => Promise<Claim>;

/** The whole of sun_path behind the zero byte: versions of node differ in whether they fill the rest of a shorter name with zeros. */
const nameLength = 107;

/**
 * Who writes the chains of that prefix in this network namespace: a listening socket in Linux's abstract namespace, which belongs to the network
 * namespace whatever PID or mount namespace a process has, can be had once, and is gone the moment its process ends (unix(7)).
 */
export const takeClaim: TakeClaim = (prefix) =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    const failed = (thrown: unknown): void => {
      const error = toError(thrown);
      const isTaken = 'code' in error && error.code === 'EADDRINUSE';
      resolve(isTaken ? { kind: 'taken' } : { kind: 'unknown', error });
    };
    server.once('error', failed);
    server.listen(`\0${`nodeplane/${prefix}`.padEnd(nameLength, '.')}`, () => {
      server.off('error', failed);
      // What happens to it later does not concern anybody.
      server.on('error', () => undefined);
      server.unref();
      resolve({
        kind: 'held',
        release: () => new Promise((released) => void server.close(() => released())),
      });
    });
  });
