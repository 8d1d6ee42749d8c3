import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { NodeplaneError, toError } from '../errors.ts';
import { collectHeadAndTail, collectText, handOn } from './output.ts';
import { groupKiller } from './process-group.ts';
import { programDirectories } from './program-path.ts';

/** One program to run: argv without a shell, an absolute path or a name looked up in PATH and the sbin directories. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Written to standard input, piece by piece, then closed. Pieces of some ten kilobytes are cheapest. */
  readonly stdin?: Iterable<string>;
  /**
   * Takes standard output as it comes, in pieces that end anywhere; the result then has none, and no cap holds. For what is too long to
   * keep: the entries of connection tracking. When it gives a promise, the program is held up until that is kept. What it throws ends
   * the program and is thrown on.
   */
  readonly onStdout?: (piece: string) => void | Promise<void>;
  /** After this the program gets SIGTERM, and SIGKILL two seconds later; so does everything it started. */
  readonly timeoutMilliseconds: number;
  /** Aborting ends the program as the timeout does; the result then has a signal and `timedOut` is false. */
  readonly abort?: AbortSignal;
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
 * @throws NodeplaneError `NP-KERNEL-007` when it could not be started, or printed more than the cap and was killed.
 * Whatever iterating `stdin` or `onStdout` throws is thrown on, once the program has been killed.
 */
export type Exec = (command: Command) => Promise<CommandResult>;

/** What a program may do to us. */
export interface ExecLimits {
  /** A program that prints more to standard output is killed. The rules of 30,000 services are about 100 million. */
  readonly stdoutCharacters: number;
  /** So much of standard error is kept, half from its start and half from its end. */
  readonly stderrBytes: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMilliseconds: number;
}

const defaultLimits: ExecLimits = {
  stdoutCharacters: 400 * 1024 * 1024,
  stderrBytes: 64 * 1024,
  graceMilliseconds: 2000,
};

/** Debian's package of each program, where the two differ. */
const packages: Readonly<Record<string, string>> = { nft: 'nftables', ip: 'iproute2', tc: 'iproute2' };

/** Runs programs in the network namespace of this process. Their environment is PATH and LC_ALL=C, nothing else. */
export const exec: Exec = createExec();

/** An {@link Exec} with other limits than the default. */
export function createExec(overrides: Partial<ExecLimits> = {}): Exec {
  const limits = { ...defaultLimits, ...overrides };
  return (command) => run(command, limits);
}

async function run(command: Command, limits: ExecLimits): Promise<CommandResult> {
  const began = performance.now();
  const child = await start(command);
  const killer = groupKiller(child, limits.graceMilliseconds);
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    killer.stop();
  };
  const stdout = takeStdout(child.stdout, command, limits, fail);
  const stderr = collectHeadAndTail(child.stderr, limits.stderrBytes);
  feed(child.stdin, command.stdin ?? []).catch((thrown: unknown) => fail(toError(thrown)));
  const limit = limitTime(command, killer.stop);
  const end = await ending(child);
  const taken = await stdout();
  killer.release();
  const timedOut = limit.release();
  if (failure !== undefined) throw failure;
  const milliseconds = performance.now() - began;
  return { argv: command.argv, ...end, timedOut, milliseconds, stdout: taken, stderr: stderr() };
}

/** Hands standard output on to who wants it in pieces, or collects it. */
function takeStdout(
  stream: Readable,
  { argv, onStdout }: Command,
  { stdoutCharacters }: ExecLimits,
  fail: (error: Error) => void,
): () => Promise<string> {
  if (onStdout !== undefined) {
    const done = handOn(stream, onStdout, fail);
    return () => done().then(() => '');
  }
  const tooMuch = `it printed more than ${stdoutCharacters} characters and was stopped`;
  const text = collectText(stream, stdoutCharacters, () => fail(failed(argv[0], tooMuch)));
  return () => Promise.resolve(text());
}

/** Starts the program as the leader of a process group of its own. */
async function start({ argv }: Command): Promise<ChildProcessWithoutNullStreams> {
  const [program, ...rest] = argv;
  const env = { PATH: programDirectories().join(':'), LC_ALL: 'C' };
  try {
    const child = spawn(program, rest, { cwd: '/', env, detached: true, stdio: 'pipe' });
    await once(child, 'spawn');
    return child;
  } catch (thrown) {
    const cause = toError(thrown);
    // EACCES for a bare name: a directory of PATH that may not be searched, and the program in none of the others.
    const missing = program.includes('/') ? ['ENOENT'] : ['ENOENT', 'EACCES'];
    const isMissing = 'code' in cause && missing.includes(String(cause.code));
    throw isMissing ? notFound(program, env.PATH, cause) : failed(program, cause.message, cause);
  }
}

/** A program that reads as fast as we write would hold the event loop until it has everything. */
const turnMilliseconds = 8;

/** Writes the pieces as fast as the program reads them, then closes. A program that stops reading is told by its exit code, not here. */
async function feed(stdin: Writable, pieces: Iterable<string>): Promise<void> {
  stdin.on('error', () => {
    // EPIPE: it ended without reading everything.
  });
  let turned = performance.now();
  for (const piece of pieces) {
    if (!stdin.writable) return;
    if (!stdin.write(piece)) await drained(stdin);
    if (performance.now() - turned < turnMilliseconds) continue;
    await setImmediate();
    turned = performance.now();
  }
  stdin.end();
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      stdin.off('drain', wake);
      stdin.off('close', wake);
      resolve();
    };
    stdin.on('drain', wake);
    stdin.on('close', wake);
  });
}

/** Calls `stop` when the time is over or the caller aborts. `release` ends that and says whether the time was over. */
function limitTime(command: Command, stop: () => void): { release(): boolean } {
  const { abort, timeoutMilliseconds } = command;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMilliseconds);
  abort?.addEventListener('abort', stop);
  if (abort?.aborted === true) stop();
  return {
    release() {
      clearTimeout(timer);
      abort?.removeEventListener('abort', stop);
      return timedOut;
    },
  };
}

/** Resolves when the program has ended and all that it printed has been read. */
function ending(child: ChildProcessWithoutNullStreams): Promise<Pick<CommandResult, 'exitCode' | 'signal'>> {
  return new Promise((resolve) => {
    child.once('close', (exitCode: number | null, signal: NodeJS.Signals | null) =>
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }),
    );
  });
}

function notFound(program: string, path: string, cause: Error): NodeplaneError {
  const hint = program.includes('/') ? '' : ` in ${path}`;
  const name = basename(program);
  return new NodeplaneError('NP-KERNEL-001', { program, hint, package: packages[name] ?? name }, cause);
}

function failed(program: string, reason: string, cause?: Error): NodeplaneError {
  return new NodeplaneError('NP-KERNEL-007', { program, reason }, cause);
}
