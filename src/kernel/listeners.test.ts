import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readListeners } from './listeners.ts';

const servers: Server[] = [];
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-listeners-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(directory, { recursive: true });
});

function listen(host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0, ipv6Only: true }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

describe('sockets that listen', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::1', '::'])(
    'at %s are told by the kernel of this machine',
    async (host) => {
      const port = await listen(host).catch(() => undefined);
      if (port === undefined) return;
      expect(await readListeners()).toContainEqual({ address: host, port });
      for (const server of servers.splice(0)) server.close();
      await expect.poll(() => readListeners()).not.toContainEqual({ address: host, port });
    },
  );

  it('come first in the list of the kernel; connections behind them are not read', async () => {
    const head =
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
    const line = (address: string, state: string) =>
      `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0`;
    const lines = [
      head,
      line('0100007F:280B', '0A'),
      line('0100007F:1F90', '01'),
      line('00000000:2810', '0A'),
    ];
    await writeFile(join(directory, 'tcp'), `${lines.join('\n')}\n`);
    const six = line('000080FE00000000FF565450FE8C6400:0016', '0A');
    await writeFile(join(directory, 'tcp6'), `${head}\n${six}\n`);
    expect(await readListeners(directory)).toEqual([
      { address: '127.0.0.1', port: 10_251 },
      { address: 'fe80::5054:56ff:64:8cfe', port: 22 },
    ]);
  });

  it('are none where the kernel tells nothing', async () => {
    expect(await readListeners(join(directory, 'none'))).toEqual([]);
  });
});
