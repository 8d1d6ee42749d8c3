// Probes health as clouds do, in a namespace of its own: `prober.mjs SOCKET` listens on the Unix socket. A line there is a JSON array of
// URLs, which take the place of those before; each is asked once a second, and a line `{"url":…,"ok":…}` tells what came of it.
import { get } from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const everyMilliseconds = 1000;
/** No probe is under way when the next one begins. */
const patienceMilliseconds = 900;

createServer((socket) => {
  let urls = [];
  const timer = setInterval(() => {
    for (const url of urls)
      void probe(url).then((ok) => socket.writable && socket.write(`${JSON.stringify({ url, ok })}\n`));
  }, everyMilliseconds);
  createInterface({ input: socket }).on('line', (line) => {
    urls = JSON.parse(line);
  });
  socket.on('error', () => undefined).on('close', () => clearInterval(timer));
}).listen(process.argv[2]);

function probe(url) {
  return new Promise((resolve) => {
    get(url, { agent: false, signal: AbortSignal.timeout(patienceMilliseconds) }, (response) => {
      response.on('error', () => undefined).resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
