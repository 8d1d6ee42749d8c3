import type { Clock } from '../../clock.ts';
import type { Iptables } from '../../kernel/iptables.ts';
import { programArgv } from '../../kernel/iptables-programs.ts';
import type { RuleTransaction } from '../../kernel/rule-events.ts';
import type { Family } from '../../model/address.ts';

/** The monitor may tell of a write a little after the program that wrote has ended. */
const graceMilliseconds = 1000;

/** A run of iptables-restore; `pid` once a transaction was taken for its. */
interface Run {
  readonly process: string;
  pid: number | undefined;
}

/** The kernel keeps so much of a program's name (TASK_COMM_LEN). */
const nameLength = 15;

/**
 * Tells our own writes from those of others. The kernel names a writer by its process id in the host's pid namespace, which is not the one
 * we know when we run in a container; so each of our runs claims one writer of a fitting name that shows up while it runs.
 */
export class OwnWrites {
  readonly #clock: Clock;
  readonly #runs = new Set<Run>();
  readonly #counts: Record<Family, number> = { IPv4: 0, IPv6: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs that have begun or ended for the family: when the number is the same, nothing of ours was written in between. */
  count(family: Family): number {
    return this.#counts[family];
  }

  /** The same programs, whose writes are known to be ours. */
  watched(iptables: Iptables): Iptables {
    const { family, programs } = iptables;
    const process = programArgv(programs, family, 'restore')[0].slice(0, nameLength);
    return { ...iptables, restore: (lines) => this.#during(family, process, () => iptables.restore(lines)) };
  }

  /** Whether one of our runs wrote it. */
  claims({ pid, process }: RuleTransaction): boolean {
    const runs = [...this.#runs].filter((run) => run.process === process);
    if (runs.some((run) => run.pid === pid)) return true;
    const free = runs.find((run) => run.pid === undefined);
    if (free !== undefined) free.pid = pid;
    return free !== undefined;
  }

  async #during<T>(family: Family, process: string, write: () => Promise<T>): Promise<T> {
    const run: Run = { process, pid: undefined };
    this.#runs.add(run);
    this.#counts[family] += 1;
    try {
      return await write();
    } finally {
      this.#counts[family] += 1;
      this.#clock.after(graceMilliseconds, () => this.#runs.delete(run));
    }
  }
}
