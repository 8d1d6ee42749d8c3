// Runs one command of the test runners in a process group of its own, so that an interrupt ends all it has started.
import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

export const root = join(import.meta.dirname, '..');

export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: number;
}

interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** The root of the project when undefined. */
  readonly cwd?: string;
  /** Called with each piece of output as it comes; without it the output is only collected. */
  readonly onOutput?: (text: string) => void;
}

/** Thrown by all that runs, and all that would start, once the runner has been told to end. */
class Interrupted extends Error {}

const running = new Set<number>();
let interrupted = false;

export async function runCommand({ argv, env, cwd = root, onOutput }: Command): Promise<Outcome> {
  if (interrupted) throw new Interrupted();
  const began = performance.now();
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, PATH: searchPath(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) running.add(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput?.(text);
    });
  }
  const problem = await ending(child);
  if (child.pid !== undefined) running.delete(child.pid);
  if (interrupted) throw new Interrupted();
  if (problem) output += `${program} ${problem}\n`;
  return { ok: problem === undefined, output, seconds: (performance.now() - began) / 1000 };
}

/** What was wrong with the end of it; undefined when nothing was. */
async function ending(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`could not be started: ${error.message}`));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`));
    // A process that outlived it may hold its output open for ever.
    child.on('exit', () =>
      setTimeout(() => [child.stdout, child.stderr].map((s) => s?.destroy()), 2000).unref(),
    );
  });
}

/** A program of a package in node_modules. */
export function bin(name: string): string {
  return join(root, 'node_modules/.bin', name);
}

const interrupts = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Runs a runner and sets the exit code it returns. On an interrupt all its commands are asked to end, and made to end after
 * the grace; then the runner's own `finally` blocks run, and the exit code tells of the signal.
 */
export async function runToEnd(runner: () => Promise<number>, graceSeconds: number): Promise<void> {
  for (const [signal, code] of Object.entries(interrupts)) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      process.exitCode = code;
      console.error(`\n${signal}: ending ${running.size} running command(s)`);
      void endChildren(graceSeconds);
    });
  }
  try {
    process.exitCode = await runner();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

async function endChildren(graceSeconds: number): Promise<void> {
  const groups = [...running];
  signalAll(groups, 'SIGTERM');
  const deadline = performance.now() + graceSeconds * 1000;
  while (signalAll(groups, 0) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  signalAll(groups, 'SIGKILL');
}

/** Whether any process of the groups was there to be signalled. */
function signalAll(groups: readonly number[], signal: NodeJS.Signals | 0): boolean {
  return groups.map((group) => signalGroup(group, signal)).includes(true);
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false; // the group is gone
  }
}

/** Debian keeps ip, nft and iptables where an ordinary user's PATH does not look. */
function searchPath(): string {
  return [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);
}
