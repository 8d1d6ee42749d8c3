// Runs one command of the test runners in a process group of its own, so that an interrupt ends all it has started.
import { spawn } from 'node:child_process';
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

const running = new Set<number>();

export async function runCommand({ argv, env, cwd = root, onOutput }: Command): Promise<Outcome> {
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
  const ok = await new Promise<boolean>((resolve) => {
    child.on('error', (error) => {
      output += `${program} could not be started: ${error.message}\n`;
      resolve(false);
    });
    child.on('close', (code, signal) => {
      if (signal) output += `${program} was ended by ${signal}\n`;
      resolve(code === 0);
    });
  });
  if (child.pid !== undefined) running.delete(child.pid);
  return { ok, output, seconds: (performance.now() - began) / 1000 };
}

/** A program of a package in node_modules. */
export function bin(name: string): string {
  return join(root, 'node_modules/.bin', name);
}

/** On an interrupt, all that runs is asked to end, and made to end after three seconds; then this process goes too. */
export function endChildrenOnInterrupt(): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: ending ${running.size} running step(s)`);
      void endChildren().then(() => process.exit(128 + number));
    });
  }
}

async function endChildren(): Promise<void> {
  const groups = [...running];
  signalAll(groups, 'SIGTERM');
  const deadline = performance.now() + 3000;
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
