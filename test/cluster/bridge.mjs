// Lets whoever sees its files talk to servers of a network namespace: `bridge.mjs SOCKET=HOST:PORT…` takes connections on each
// Unix socket and hands them on. While the server does not listen, connections end at once.
import { connect, createServer } from 'node:net';

for (const pair of process.argv.slice(2)) {
  const [, path, host, port] = pair.match(/^(.*)=(.*):(\d+)$/);
  createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: Number(port), allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  }).listen(path);
}
