import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { worldEnvironment } from './holder.ts';

export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A program that keeps running in a namespace, such as the agent; its output is kept. It dies with its world at the latest. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  readonly #closed: Promise<unknown>;
  readonly #lines: string[] = [];

  /** @param argv with the words that enter the namespace; see `World.start`. */
  constructor([program, ...args]: readonly [string, ...string[]]) {
    this.#child = spawn(program, args, { detached: true, env: worldEnvironment() });
    this.#child.stdin.on('error', () => undefined); // told by the end of the program
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input }).on('line', (line) => this.#lines.push(line));
    }
    this.#exited = once(this.#child, 'exit').catch((error: unknown) => this.#lines.push(String(error)));
    this.#closed = once(this.#child, 'close').catch(() => undefined);
  }

  /** What it has printed so far, to both outputs. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** The program itself, by its number outside of the world; undefined when it has ended. */
  async pid(): Promise<number | undefined> {
    const { pid } = this.#child;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    return children === '' ? undefined : Number.parseInt(children, 10);
  }

  /** Sends the signal, waits for the end, and kills after the given time. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMilliseconds = 5000): Promise<ProgramEnd> {
    await this.kill(signal);
    const timer = setTimeout(() => void this.kill('SIGKILL'), patienceMilliseconds);
    await this.#exited;
    clearTimeout(timer);
    // Its last words; what it has left running may hold the pipe open for long.
    await Promise.race([this.#closed, setTimeoutPromise(200, undefined, { ref: false })]);
    return { exitCode: this.#child.exitCode, signal: this.#child.signalCode };
  }

  /** Signals the program itself: what was spawned is nsenter, which only waits for it and hands on how it ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.#child;
    const program = await this.pid();
    if (program !== undefined) process.kill(program, signal);
    // nsenter stops itself together with its program, and is not woken with it.
    if (signal === 'SIGCONT' && pid !== undefined) process.kill(pid, signal);
  }
}
