// The commands of the cluster's shell: `command.mjs SOCKET VERB WORDS…` asks there what to do, and does it.
// Plain JavaScript, so that it starts in 40 ms.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

const [socketPath, ...words] = process.argv.slice(2);
const betweenRoundsMilliseconds = 1000;

const reply = await ask();
if (reply.kind === 'run') process.exitCode = await run(reply.argv);
else if (reply.kind === 'watch') await watch(reply.programs);
else if (reply.kind === 'wrong') {
  console.error(reply.text);
  process.exitCode = 2;
} else if (reply.text !== '') console.log(reply.text);

async function ask() {
  const socket = connect(socketPath);
  socket.write(`${JSON.stringify(words)}\n`);
  try {
    return JSON.parse(await text(socket));
  } catch (error) {
    return { kind: 'wrong', text: `the cluster does not answer: ${error.message}` };
  }
}

/** Ctrl-C is for the program; whatever ends it ends this. */
function run([program, ...args]) {
  process.on('SIGINT', () => undefined);
  const child = spawn(program, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Prints what the programs say whenever it is something else. */
async function watch(programs) {
  let last = '';
  for (;;) {
    const parts = await Promise.all(
      programs.map(async ({ name, argv }) => `── ${name}\n${await output(argv)}`),
    );
    const now = parts.join('\n');
    if (now !== last)
      console.log(`${process.stdout.isTTY ? '\x1b[2J\x1b[H' : ''}${new Date().toLocaleTimeString()}\n${now}`);
    last = now;
    await setTimeout(betweenRoundsMilliseconds);
  }
}

function output([program, ...args]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  return Promise.all([text(child.stdout), text(child.stderr)]).then((both) => both.join('').trimEnd());
}
