// The shell of `npm run cluster`. Its commands, its kubeconfig and its socket lie in the /run of the cluster's network and go with it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { bundle } from '../../test/cli/nodeplane.ts';
import { binary } from '../../test/cluster/binaries.ts';
import { createBridge } from '../../test/cluster/bridge.ts';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { hostOf } from '../../test/cluster/host.ts';
import { administrator } from '../../test/cluster/users.ts';
import { searchPath } from '../../test/netns/holder.ts';
import { serveCommands } from './commands.mts';
import { help } from './help.mts';

const directory = '/run/shell';
const door = '/run/shell-apiserver.sock';
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Runs a shell, or one command in it, to its end, and returns its exit code. */
export async function runShell(cluster: Cluster, command: string | undefined): Promise<number> {
  const { network } = cluster;
  const files = network.path(directory);
  await mkdir(join(files, 'bin'), { recursive: true });
  const bridge = createBridge(hostOf(network, 'control-plane'), { [door]: '127.0.0.1:6443' });
  bridge.start();
  const apiServer = await listenFor(network.path(door));
  const commands = await serveCommands(cluster, join(files, 'commands.sock'));
  try {
    await writeKubeconfig(cluster, apiServer, join(files, 'kubeconfig'));
    await writeCommands(files);
    return await shell(files, command);
  } finally {
    commands.close();
    apiServer.close();
    await bridge.stop('SIGKILL');
  }
}

/** A port of this machine that leads to the API server, so that any program here may be its client. */
async function listenFor(socketPath: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return server;
}

async function writeKubeconfig({ plane, network }: Cluster, apiServer: Server, file: string): Promise<void> {
  const address: AddressInfo | string | null = apiServer.address();
  if (address === null || typeof address === 'string') throw new Error('the API server has no port here');
  const inside = await plane.kubeconfig(administrator, `https://127.0.0.1:${address.port}`);
  await writeFile(file, await readFile(network.path(inside)), { mode: 0o600 });
}

async function writeCommands(files: string): Promise<void> {
  const client = join(import.meta.dirname, 'command.mjs');
  const script = (words: readonly string[]) => `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`;
  const write = (name: string, text: string) => writeFile(join(files, 'bin', name), text, { mode: 0o755 });
  await symlink(await binary('kubectl'), join(files, 'bin/kubectl'));
  await write('nodeplane', script([process.execPath, bundle]));
  for (const name of ['on', 'from', 'agent', 'watch-diff']) {
    await write(name, script([process.execPath, client, join(files, 'commands.sock'), name]));
  }
  await writeFile(join(files, 'help'), help);
  await write('cluster-help', script(['cat', join(files, 'help')]));
  await writeFile(join(files, 'bashrc'), "PS1='nodeplane-cluster$ '\nunset HISTFILE\n");
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ctrl-C is for what runs in the shell; who closes the terminal or ends this process ends the shell. */
async function shell(files: string, command: string | undefined): Promise<number> {
  const args =
    command === undefined
      ? ['--noprofile', '--rcfile', join(files, 'bashrc'), '-i']
      : ['--noprofile', '-c', command];
  const env = {
    ...process.env,
    PATH: `${join(files, 'bin')}:${searchPath}`,
    KUBECONFIG: join(files, 'kubeconfig'),
    // Else kubectl leaves what it has learned of this API server in the home of whoever plays.
    KUBECACHEDIR: join(files, 'kube-cache'),
  };
  const child = spawn('bash', args, { stdio: 'inherit', env });
  // An interactive shell does not hear SIGTERM, and Ctrl-C is not for us.
  const interactive = command === undefined;
  let told: NodeJS.Signals | undefined;
  const forward = (signal: NodeJS.Signals): void => {
    told = signal;
    child.kill(interactive ? 'SIGHUP' : signal);
  };
  const signals = interactive ? (['SIGTERM', 'SIGHUP'] as const) : (['SIGTERM', 'SIGHUP', 'SIGINT'] as const);
  for (const signal of signals) process.on(signal, forward);
  const ended = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? codeOf(told ?? signal)));
  });
  for (const signal of signals) process.off(signal, forward);
  return ended;
}

function codeOf(signal: NodeJS.Signals | null): number {
  return signal === 'SIGHUP' || signal === 'SIGINT' || signal === 'SIGTERM' ? exitCodes[signal] : 1;
}
