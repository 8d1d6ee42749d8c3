// The scripted API server as a program: `tsx test/api-server/main.mts [options as JSON]`.
// First line of standard output: {"url": …, "kubeconfig": …, "directory": …}. Then one answer for each line of standard input,
// {"ok": true, …} or {"ok": false, "error": …}. control.ts lists the commands. It ends when standard input is closed.
import { createInterface } from 'node:readline';
import { control } from './control.ts';
import { startApiServer } from './server.ts';

const api = await startApiServer(JSON.parse(process.argv[2] ?? '{}'));
const { url, kubeconfig, directory } = api;
tell({ url, kubeconfig, directory });
const lines = createInterface({ input: process.stdin });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => lines.close());
try {
  for await (const line of lines) {
    if (line.trim() !== '') tell(await control(api, line));
  }
} finally {
  await api.stop();
}
process.exit(0);

function tell(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
