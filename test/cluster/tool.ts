import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program of whoever builds: Go, curl, openssl. It gets our whole environment, since proxies, homes and caches are named there. */
export interface Tool {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Each line of both outputs, as it comes. */
  readonly onLine?: (line: string) => void;
}

const running = new Set<ChildProcess>();

/** Has all of them end as by Ctrl-C, upon which Go removes what it has begun; whoever waits for one gets an error. */
export function interruptTools(): void {
  for (const child of running) child.kill('SIGINT');
}

/**
 * Runs it to its end and returns what it printed.
 * @throws Error with the last lines when it cannot be started or ends with anything but 0.
 */
export async function runTool({ argv, cwd, env, onLine }: Tool): Promise<string> {
  const [program, ...args] = argv;
  const lines: string[] = [];
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine?.(line);
    });
  }
  const problem = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`));
  });
  running.delete(child);
  if (problem !== undefined) throw new Error([`${program}: ${problem}`, ...lines.slice(-15)].join('\n'));
  return lines.join('\n');
}
