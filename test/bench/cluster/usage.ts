import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { peakMemory, residentMemory } from '../memory.ts';

/** What a program takes, and apart from it what the programs that it runs take. */
export interface Pair {
  readonly agent: number;
  readonly children: number;
}

/** CPU seconds so far; the kernel counts in hundredths. */
export function cpuSeconds(pid: number): Pair {
  const [own = 0, ended = 0] = ticks(pid);
  const living = descendants(pid).map((child) => ticks(child).reduce((sum, each) => sum + each, 0));
  return { agent: own / 100, children: living.reduce((sum, each) => sum + each, ended) / 100 };
}

/** MB now, children together. */
export function memoryNow(pid: number): Pair {
  const children = descendants(pid).map(residentMemory);
  return { agent: residentMemory(pid), children: children.reduce((sum, each) => sum + each, 0) };
}

/** Looks at a program and its children until it is stopped, and then tells the peaks in MB; of children, that of the largest one. */
export class PeakWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #children = 0;
  #agent = 0;

  constructor(pid: number) {
    this.#pid = pid;
    // Most programs live for some ten milliseconds and more.
    this.#timer = setInterval(() => this.#look(), 10);
  }

  stop(): Pair {
    this.#look();
    clearInterval(this.#timer);
    return { agent: this.#agent, children: this.#children };
  }

  #look(): void {
    // The kernel keeps the peak of a process itself; a process that has ended has none.
    this.#agent = Math.max(this.#agent, peakMemory(this.#pid));
    const own = programOf(this.#pid);
    for (const child of descendants(this.#pid)) {
      // Until it has become another program, a child shares its parent's memory.
      if (programOf(child) !== own) this.#children = Math.max(this.#children, peakMemory(child));
    }
  }
}

/** Ticks of user and system time: of the process, and of its children that have ended. */
function ticks(pid: number): readonly number[] {
  const stat = read(`/proc/${pid}/stat`);
  // After the name, which stands in parentheses and may hold anything; fields 14 to 17 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15).map(Number);
  return [user + system, endedUser + endedSystem];
}

function descendants(pid: number): readonly number[] {
  const children = threads(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function threads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return ''; // it has ended
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
