// A web server for people: `http.mjs NAME PORT` says its name and the address of who asks.
import { createServer } from 'node:http';

const [name, port] = process.argv.slice(2);

createServer(({ method, url, socket }, response) => {
  const client = socket.remoteAddress.replace(/^::ffff:/, '');
  response.end(`${name}: ${method} ${url} from ${client}\n`);
}).listen(Number(port), '::');
