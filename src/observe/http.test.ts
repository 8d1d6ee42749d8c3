import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/observe/manual-clock.ts';
import { ask, holdPort } from '../../test/observe/ports.ts';
import { bind, type Handler } from './bind.ts';
import { type HttpServer, type HttpServerOptions, serve } from './http.ts';
import { silentLog } from './log.ts';

const hello: Handler = (_, response) => {
  response.end('hello');
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function started(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await serve({
    what: 'The test server',
    listen: { address: '127.0.0.1', port: 0 },
    handler: hello,
    hardFail: false,
    failed: (error) => {
      throw error;
    },
    log: silentLog,
    clock: new ManualClock(),
    ...options,
  });
  closers.push(() => server.stop());
  return server;
}

async function holder(host?: string, port?: number) {
  const held = await holdPort(host, port);
  closers.push(held.free);
  return held;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

describe('a server', () => {
  it('answers at its address', async () => {
    const { ports } = await started();
    expect((await ask({ port: ports[0] ?? 0 })).body).toBe('hello');
  });

  it.each(['0.0.0.0', '::'])('answers in both families at %s, as Go does', async (address) => {
    const { port, free } = await holder();
    await free();
    await started({ listen: { address, port } });
    expect((await ask({ port })).body).toBe('hello');
    expect((await ask({ host: '::1', port })).body).toBe('hello');
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no'))],
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
    ],
  ] satisfies [string, Handler][])('answers 500 when its handler %s, and goes on', async (_, handler) => {
    const { ports } = await started({ handler });
    for (let time = 0; time < 2; time++) {
      expect(await ask({ port: ports[0] ?? 0 })).toMatchObject({
        status: 500,
        body: 'internal error\n',
      });
    }
  });

  it('tries again every 5 s while the port is in use, and tells of each cause once', async () => {
    const { port, free } = await holder();
    const clock = new ManualClock();
    const errors: Error[] = [];
    const listen = { address: '127.0.0.1', port };
    const server = await started({ listen, clock, failed: (error) => errors.push(error) });
    for (let time = 0; time < 3; time++) {
      await clock.advance(5000);
      await expect.poll(() => clock.waiting).toBe(1);
    }
    expect(errors).toMatchObject([
      {
        code: 'NP-SERVE-001',
        message: `The test server cannot listen on 127.0.0.1:${port}: the port is in use.`,
      },
    ]);
    expect(server.ports).toEqual([]);
    await free();
    await clock.advance(4999);
    expect(server.ports).toEqual([]);
    await clock.advance(1);
    await expect.poll(() => server.ports).toEqual([port]);
    expect((await ask({ port })).body).toBe('hello');
  });

  it('holds no half of its sockets while one of them is in use', async () => {
    const { port, free } = await holder('::1');
    await expect(
      started({ listen: { address: '::', port }, hardFail: true, failed: () => undefined }),
    ).rejects.toThrow();
    await holder('127.0.0.1', port);
    await free();
  });

  it('gives up at once when told to', async () => {
    const { port } = await holder();
    const errors: Error[] = [];
    const options = { listen: { address: '127.0.0.1', port }, hardFail: true };
    const starting = started({ ...options, failed: (error) => errors.push(error) });
    await expect(starting).rejects.toMatchObject({ code: 'NP-SERVE-001' });
    expect(errors).toHaveLength(1);
  });

  it('stops trying when stopped', async () => {
    const { port } = await holder();
    const clock = new ManualClock();
    const server = await started({ listen: { address: '127.0.0.1', port }, clock, failed: () => undefined });
    expect(clock.waiting).toBe(1);
    await server.stop();
    expect(clock.waiting).toBe(0);
  });

  it('ends connections at once when stopped, and its port is free', async () => {
    const server = await started();
    const [port = 0] = server.ports;
    const idle = await connected(port);
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const silent = await connected(port);
    const ends = Promise.all([
      once(idle, 'close'),
      once(
        silent.on('error', () => undefined),
        'close',
      ),
    ]);
    idle.on('error', () => undefined);
    idle.resume();
    silent.resume();
    await server.stop();
    await ends;
    await holder('127.0.0.1', port);
  });

  it('answers the newest caller, however many others sit there', async () => {
    const { ports } = await started();
    const [port = 0] = ports;
    const sockets: Socket[] = [];
    for (let at = 0; at < 200; at++)
      sockets.push((await connected(port)).on('error', () => undefined).resume());
    expect((await ask({ port })).body).toBe('hello');
    await expect.poll(() => sockets.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(72);
    for (const socket of sockets) socket.destroy();
  });

  it('does not keep what is sent to it', async () => {
    const { ports } = await started();
    const [port = 0] = ports;
    const sending = request({ port, host: '127.0.0.1', method: 'POST', path: '/any', agent: false });
    sending.on('error', () => undefined).end(Buffer.alloc(4_000_000));
    const [response] = await once(sending, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
    sending.destroy();
    const big = await connected(port);
    big.on('error', () => undefined).write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}`);
    const [data] = await once(big, 'data');
    expect(String(data)).toMatch(/^HTTP\/1.1 431 /);
    big.destroy();
  });
});

describe('requests that come together', () => {
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const counting = async () => {
    let requests = 0;
    const server = await started({
      handler: (asked, response) => {
        requests += 1;
        return hello(asked, response);
      },
    });
    const [port = 0] = server.ports;
    return { socket: await connected(port), port, requests: () => requests };
  };

  it('are answered in their order while they are few', async () => {
    const { socket } = await counting();
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.write(get.repeat(4));
    await expect.poll(() => text.match(/hello/g)).toHaveLength(4);
    socket.write(get);
    await expect.poll(() => text.match(/hello/g)).toHaveLength(5);
    socket.destroy();
  });

  it('by the thousand end their connection before the agent holds as many answers', async () => {
    const { socket, port, requests } = await counting();
    socket.on('error', () => undefined).resume();
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.write(get.repeat(20_000));
    await closed;
    expect(requests()).toBeLessThan(100);
    expect((await ask({ port })).body).toBe('hello');
  });

  it('as heads of many kilobytes are read whole', async () => {
    const { socket } = await counting();
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(12_000)}\r\n\r\n`);
    const [data] = await once(socket, 'data');
    expect(String(data)).toMatch(/^HTTP\/1.1 200 /);
    socket.destroy();
  });
});

describe('a bound socket', () => {
  it('at :: leaves the other family to others', async () => {
    const { port } = await holder();
    const bound = await bind({ address: '::', port }, hello, () => undefined);
    closers.push(() => bound.close());
    expect((await ask({ host: '::1', port })).body).toBe('hello');
  });
});
