// The program that runs in every namespace of a world: echo servers and clients, told what to do by JSON lines on its standard
// input, each answered by a line `id ok JSON` or `id failed JSON`. Plain JavaScript, so that it starts in 40 ms.
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** By `protocol address port`: a function that ends the server and its connections. */
const servers = new Map();
/** By number: see startStream. */
const streams = new Map();

const operations = { listen, close, dial, startStream, countStream, stopStream };

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, operation, argument } = JSON.parse(line);
    operations[operation](argument).then(
      (result) => tell(id, 'ok', result ?? null),
      (error) => tell(id, 'failed', String(error)),
    );
  })
  .on('close', () => process.exit(0));

function tell(id, how, value) {
  process.stdout.write(`${id} ${how} ${JSON.stringify(value)}\n`);
}

// Servers

/** Each answers with its name and the two ends of the connection as it sees them; opening one a second time does nothing. */
async function listen({ sockets }) {
  await Promise.all(
    sockets.map(async ({ name, protocol, address, port }) => {
      const key = `${protocol} ${address} ${port}`;
      if (servers.has(key)) return;
      const open = protocol === 'TCP' ? listenTcp : listenUdp;
      servers.set(key, await open(name, address, port));
    }),
  );
}

async function close({ sockets }) {
  await Promise.all(
    sockets.map(async ({ protocol, address, port }) => {
      const key = `${protocol} ${address} ${port}`;
      await servers.get(key)?.();
      servers.delete(key);
    }),
  );
}

/** Greets, then echoes until the client ends the connection. */
function listenTcp(name, address, port) {
  const connections = new Set();
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => undefined).on('close', () => connections.delete(socket));
    socket.write(greeting(name, address, port, socket.remoteAddress, socket.remotePort));
    socket.on('data', (data) => socket.write(data));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: true, backlog: 4096 }, () =>
      resolve(
        () =>
          new Promise((ended) => {
            server.close(ended);
            for (const socket of connections) socket.destroy();
          }),
      ),
    );
  });
}

function listenUdp(name, address, port) {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) });
  socket.on('message', (_, peer) => {
    socket.send(
      greeting(name, address, port, peer.address, peer.port),
      peer.port,
      peer.address,
      () => undefined,
    );
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => resolve(() => new Promise((ended) => socket.close(ended))));
  });
}

function greeting(server, address, port, source, sourcePort) {
  return `${JSON.stringify({ server, address, port, source, sourcePort })}\n`;
}

// Clients

/** `count` new connections, at most `concurrency` at a time, from the sources in turn. Results are in the order of the dials. */
async function dial({ protocol, to, port, sources, timeoutMilliseconds, count, concurrency }) {
  const once = protocol === 'TCP' ? dialTcp : dialUdp;
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next++;
      const from = sources[index % sources.length];
      results[index] = await once({ to, port, from, timeoutMilliseconds });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  return results;
}

function dialTcp({ to, port, from, timeoutMilliseconds }) {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from, noDelay: true });
    const finish = finisher(from, timeoutMilliseconds, resolve, () => socket.resetAndDestroy());
    let text = '';
    socket
      .setEncoding('utf8')
      .on('error', ({ code }) => finish(failure(code)))
      .on('end', () => finish({ outcome: 'unreachable', code: 'END' }))
      .on('data', (data) => {
        text += data;
        if (text.includes('\n')) finish(answer(text));
      });
  });
}

function dialUdp({ to, port, from, timeoutMilliseconds }) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
    const finish = finisher(from, timeoutMilliseconds, resolve, () => socket.close());
    socket.on('message', (data) => finish(answer(String(data))));
    bindFresh(socket, from, (bindError) => {
      if (bindError) return finish(failure(bindError.code));
      socket.on('error', ({ code }) => finish(failure(code)));
      socket.connect(port, to, (connectError) => {
        if (connectError) return finish(failure(connectError.code));
        // EPERM: a rule of this very namespace took the packet. Whether it refused or dropped it is told by what comes next.
        socket.send('hello\n', (error) => error && error.code !== 'EPERM' && finish(failure(error.code)));
      });
    });
  });
}

/** Where programs get their ports from unless an administrator says otherwise. */
const ephemeralPorts = { first: 32_768, count: 28_232 };
let lastPort = Math.floor(Math.random() * ephemeralPorts.count);

/**
 * The kernel would take any free port, also one that was free only for a moment: what comes from it goes where connection tracking still
 * sends the flow that it belonged to. That is no new connection.
 */
function bindFresh(socket, address, done, tries = 100) {
  lastPort = (lastPort + 1) % ephemeralPorts.count;
  const again = (error) =>
    error.code === 'EADDRINUSE' && tries > 0 ? bindFresh(socket, address, done, tries - 1) : done(error);
  socket.once('error', again);
  socket.bind({ address, port: ephemeralPorts.first + lastPort }, () => {
    socket.off('error', again);
    done();
  });
}

/** Calls back once: with the first result, or with a time-out. */
function finisher(from, timeoutMilliseconds, resolve, clean) {
  const began = performance.now();
  let open = true;
  const timer = setTimeout(() => finish({ outcome: 'timeout' }), timeoutMilliseconds);
  const finish = (result) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    clean();
    resolve({ ...result, from, milliseconds: performance.now() - began });
  };
  return finish;
}

function answer(text) {
  return { outcome: 'answered', ...JSON.parse(text.slice(0, text.indexOf('\n'))) };
}

function failure(code) {
  if (code === 'ECONNREFUSED') return { outcome: 'refused' };
  if (code === 'ETIMEDOUT') return { outcome: 'timeout' };
  return { outcome: 'unreachable', code: code ?? 'unknown' };
}

// Traffic that runs while something else happens

/** A new connection every so many milliseconds, and `kept` long ones over which a line goes there and back as often. */
async function startStream({ number, everyMilliseconds, kept, ...target }) {
  const stream = { answered: {}, failed: [], kept: [], running: new Set(), timer: undefined };
  const once = target.protocol === 'TCP' ? dialTcp : dialUdp;
  let turn = 0;
  const tick = () => {
    const from = target.sources[turn++ % target.sources.length];
    const dialled = once({ ...target, from }).then((result) => {
      stream.running.delete(dialled);
      if (result.outcome === 'answered')
        stream.answered[result.server] = (stream.answered[result.server] ?? 0) + 1;
      else stream.failed.push(result);
    });
    stream.running.add(dialled);
  };
  for (let index = 0; index < kept; index++) stream.kept.push(keepOpen(target, everyMilliseconds));
  stream.timer = setInterval(tick, everyMilliseconds);
  streams.set(number, stream);
}

async function countStream({ number }) {
  const { answered, failed, kept } = streams.get(number);
  return {
    answered,
    failed,
    kept: kept.map(({ server, exchanges, broken, isSilent }) => ({
      server,
      exchanges,
      broken: broken || (isSilent() ? 'silent' : ''),
    })),
  };
}

/**
 * Waits for the dials that are under way, and until each long connection has had an answer again or is silent for too long, so that the last
 * count is complete: a connection whose packets get lost breaks after a quarter of an hour.
 */
async function stopStream({ number }) {
  const stream = streams.get(number);
  clearInterval(stream.timer);
  await Promise.all([...stream.running, ...stream.kept.map(({ settled }) => settled())]);
  const counts = await countStream({ number });
  for (const { end } of stream.kept) end();
  streams.delete(number);
  return counts;
}

function keepOpen({ to, port, sources, timeoutMilliseconds }, everyMilliseconds) {
  const state = { server: '', exchanges: 0, broken: '', end, isSilent, settled };
  let heard = performance.now();
  const socket = connect({ host: to, port, localAddress: sources[0], noDelay: true });
  let timer;
  let text = '';
  function end() {
    clearTimeout(timer);
    socket.removeAllListeners('close').resetAndDestroy();
  }
  function isSilent() {
    return performance.now() - heard > everyMilliseconds + timeoutMilliseconds;
  }
  async function settled() {
    const before = heard;
    while (heard === before && state.broken === '' && !isSilent()) await sleep(10);
  }
  socket
    .setEncoding('utf8')
    .on('error', ({ code }) => {
      state.broken = code;
    })
    .on('close', () => {
      state.broken ||= 'closed';
    })
    .on('data', (data) => {
      text += data;
      if (!text.endsWith('\n')) return;
      heard = performance.now();
      if (state.server === '') state.server = JSON.parse(text).server;
      else state.exchanges++;
      text = '';
      timer = setTimeout(() => socket.write('ping\n'), everyMilliseconds);
    });
  return state;
}
