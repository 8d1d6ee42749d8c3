import { spawn } from 'node:child_process';
import { collectHeadAndTail } from './output.ts';
import { groupKiller } from './process-group.ts';

/** How a followed program ended. */
export interface FollowEnd {
  /** Undefined when it was ended by a signal or could not be started. */
  readonly exitCode: number | undefined;
  /** What it said about it; empty when it was stopped by us. */
  readonly message: string;
}

export interface FollowListener {
  /** Text as it comes, cut anywhere. */
  text(piece: string): void;
  /** Called once; nothing comes after it. */
  ended(end: FollowEnd): void;
}

/** Starts a program and hears its output while it runs. Returns what stops it. */
export type Follow = (argv: readonly [string, ...string[]], listener: FollowListener) => () => void;

const systemPath = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';
const graceMilliseconds = 1000;
const stderrBytes = 4096;

/** {@link Follow} in the network namespace of this process; never throws. */
export const follow: Follow = ([program, ...rest], listener) => {
  const env = { PATH: `${process.env['PATH'] ?? ''}:${systemPath}`, LC_ALL: 'C' };
  const child = spawn(program, rest, { cwd: '/', env, detached: true, stdio: 'pipe' });
  const killer = groupKiller(child, graceMilliseconds);
  const stderr = collectHeadAndTail(child.stderr, stderrBytes);
  let failure = '';
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (piece: string) => listener.text(piece));
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('close', (exitCode: number | null) => {
    killer.release();
    listener.ended({
      exitCode: failure === '' ? (exitCode ?? undefined) : undefined,
      message: failure || stderr().trim(),
    });
  });
  return killer.stop;
};
