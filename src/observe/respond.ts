import type { ServerResponse } from 'node:http';

/** Every answer of kube-proxy's health servers carries these, except who answers: by that another nodeplane tells us from kube-proxy. */
export const jsonHeaders = {
  Server: 'nodeplane',
  'Content-Type': 'application/json',
  'X-Content-Type-Options': 'nosniff',
} as const;

export const textHeaders = { ...jsonHeaders, 'Content-Type': 'text/plain; charset=utf-8' } as const;

/** Sends the whole answer, its length first as Go does. */
export function respond(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: string,
): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
}
