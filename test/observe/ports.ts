import { once } from 'node:events';
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';

/** Somebody else's socket. */
export interface Holder {
  readonly port: number;
  readonly free: () => Promise<void>;
}

/** Takes a port; 0: any. At `::` in both families. */
export async function holdPort(host = '127.0.0.1', port = 0): Promise<Holder> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const free = async () => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return { port: address.port, free };
}

/** So many different ports that were free in both families a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const holders = await Promise.all(Array.from({ length: count }, () => holdPort('::')));
  for (const { free } of holders) await free();
  return holders.map(({ port }) => port);
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AskOptions {
  readonly host?: string;
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  /** Undefined: a connection of its own. */
  readonly agent?: Agent;
}

/** Rejects when nobody listens. */
export async function ask({ agent, ...where }: AskOptions): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', agent: agent ?? false, ...where });
  const answered = once(sent, 'response');
  sent.end();
  const [response] = await answered;
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}
