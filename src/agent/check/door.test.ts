import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListenAddress } from '../../config/defaults.ts';
import { ask } from './door.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function door(answer: RequestListener): Promise<ListenAddress> {
  const server = createServer(answer);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = JSON.parse(JSON.stringify(server.address()));
  return { address: '127.0.0.1', port };
}

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';

describe('a door', () => {
  it('tells status, server and body', async () => {
    const listen = await door(({ url }, response) => {
      response.writeHead(503, { Server: 'nodeplane' }).end(`asked for ${url}`);
    });
    const body = 'asked for /healthz';
    expect(await ask(listen, '/healthz')).toEqual({ status: 503, server: 'nodeplane', body });
  });

  it.each<[string, RequestListener]>([
    ['says nothing', () => undefined],
    ['never comes to an end', (_, response) => void response.writeHead(200).write('{')],
    ['cuts the connection', ({ socket }) => socket.destroy()],
    ['speaks another protocol', ({ socket }) => void socket.write(switching)],
    ['says too much', (_, response) => void response.end('x'.repeat(2 * 1024 * 1024))],
  ])('that %s is nobody, within two seconds', async (_, answer) => {
    const began = performance.now();
    expect(await ask(await door(answer), '/')).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('where nobody listens is nobody', async () => {
    const { address, port } = await door(() => undefined);
    const [server] = servers.splice(0);
    server?.close();
    expect(await ask({ address, port }, '/')).toBeUndefined();
  });
});
