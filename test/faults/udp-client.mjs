// A UDP client that keeps its source port: `udp-client.mjs SOURCE-ADDRESS SOURCE-PORT TO PORT EVERY-MILLISECONDS`. Prints a line
// with the time, the name of whoever answers and the milliseconds since the answer before each time that it is another one than before.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const [address, sourcePort, to, port, every] = process.argv.slice(2);
const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
let last = '';
let heardAt = performance.now();
socket.on('error', () => undefined);
socket.on('message', (data) => {
  const { server } = JSON.parse(String(data));
  const now = performance.now();
  if (server !== last)
    console.log(`${Math.round(performance.timeOrigin + now)} ${server} ${Math.round(now - heardAt)}`);
  last = server;
  heardAt = now;
});
socket.bind({ address, port: Number(sourcePort) }, () => {
  setInterval(() => socket.send('hello\n', Number(port), to, () => undefined), Number(every));
});
