import { get } from 'node:http';
import type { ListenAddress } from '../../config/defaults.ts';
import { addressPort } from '../../model/address.ts';

/** What somebody answered to one request. */
export interface DoorAnswer {
  readonly status: number;
  /** The header `Server`; kube-proxy sends none. */
  readonly server: string | undefined;
  readonly body: string;
}

/** Asks one address of this node for a page; undefined: nobody answers HTTP there. */
export type Ask = (door: ListenAddress, path: string) => Promise<DoorAnswer | undefined>;

/** `http://127.0.0.1:10249` */
export function urlOf({ address, port }: ListenAddress): string {
  return `http://${addressPort(address, port)}`;
}

const longestWait = 1000;
const longestBody = 1024 * 1024;

/** {@link Ask} in the network namespace of this process. */
export const ask: Ask = (door, path) =>
  new Promise((resolve) => {
    const options = { agent: false, signal: AbortSignal.timeout(longestWait) };
    const nobody = (): void => resolve(undefined);
    const request = get(`${urlOf(door)}${path}`, options, (response) => {
      const { statusCode: status = 0, headers } = response;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        body += piece;
        if (body.length > longestBody) response.destroy();
      });
      const server = typeof headers['server'] === 'string' ? headers['server'] : undefined;
      response.on('end', () => resolve({ status, server, body }));
      response.on('error', nobody);
      response.on('close', nobody);
    });
    request.on('error', nobody);
    // Without an error when the answer is 101, Switching Protocols.
    request.on('close', nobody);
  });
