/** One program to run: argv without a shell, an absolute path or a name looked up in PATH and the sbin directories. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Written to standard input, piece by piece, then closed. */
  readonly stdin?: Iterable<string>;
  /** After this the program gets SIGTERM, and SIGKILL two seconds later. */
  readonly timeoutMilliseconds: number;
}

/** How a program ended; never thrown, so that callers look. */
export interface CommandResult {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  readonly milliseconds: number;
  readonly stdout: string;
  /** Capped; the middle is left out when it was longer. */
  readonly stderr: string;
}

/**
 * The one seam through which nodeplane starts programs. Tests hand in a scripted one, or one that enters a network namespace.
 * @throws NodeplaneError `NP-KERNEL-001` when the program does not exist.
 */
export type Exec = (command: Command) => Promise<CommandResult>;
