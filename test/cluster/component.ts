import { readdir, readFile } from 'node:fs/promises';
import type { Program, ProgramEnd } from '../netns/program.ts';

/** One part of the control plane that can be made to fail: it may be started anew as often as one likes, with the same arguments. */
export class Component {
  readonly name: string;
  readonly #launch: () => Program;
  #program: Program | undefined;
  #before: string[] = [];

  constructor(name: string, launch: () => Program) {
    this.name = name;
    this.#launch = launch;
  }

  get running(): boolean {
    return this.#program?.running ?? false;
  }

  /** The program itself, by its number outside of the world; undefined when it does not run. */
  async pid(): Promise<number | undefined> {
    return this.#program?.pid();
  }

  /** What it has printed in all its lives. */
  get lines(): readonly string[] {
    return [...this.#before, ...(this.#program?.lines ?? [])];
  }

  /** What it has printed since it was started last. */
  get freshLines(): readonly string[] {
    return this.#program?.lines ?? [];
  }

  start(): void {
    if (this.running) throw new Error(`${this.name} runs already`);
    this.#before = [...this.lines, `--- ${this.name} is started ---`];
    this.#program = this.#launch();
  }

  /** Ends it: in peace, or with SIGKILL as a crash. A paused one is woken for it. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<ProgramEnd | undefined> {
    await this.resume();
    return this.#program?.stop(signal, 15_000);
  }

  /** It stays, with its connections, and does nothing any more. */
  async pause(): Promise<void> {
    await this.#program?.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    if (!this.running) return;
    await this.#program?.kill('SIGCONT');
    await wakeStoppedChildren();
  }
}

/** nsenter stops itself together with the program that it waits for, and does not wake with it. */
async function wakeStoppedChildren(): Promise<void> {
  for (const thread of await readdir('/proc/self/task')) {
    const children = await readFile(`/proc/self/task/${thread}/children`, 'utf8');
    for (const child of children.split(' ').filter((each) => each !== '')) {
      const status = await readFile(`/proc/${child}/status`, 'utf8').catch(() => '');
      if (/^State:\s+T/m.test(status)) process.kill(Number(child), 'SIGCONT');
    }
  }
}
