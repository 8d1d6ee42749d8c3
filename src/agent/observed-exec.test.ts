import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Command, CommandResult, Exec } from '../kernel/exec.ts';
import { observedExec } from './observed-exec.ts';

const argv = ['conntrack', '-L'] as const;
const result: CommandResult = {
  argv,
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  milliseconds: 1,
  stdout: '',
  stderr: '',
};

/** A program that runs until it is aborted. */
const hanging: Exec = ({ abort }: Command) =>
  new Promise((resolve) => {
    const end = (): void => resolve({ ...result, exitCode: undefined, signal: 'SIGTERM' });
    if (abort?.aborted === true) end();
    abort?.addEventListener('abort', end);
  });

describe('programs that are observed', () => {
  it.each(['all', 'one'] as const)('end when %s of them are to end', async (which) => {
    const signals = { all: new AbortController(), one: new AbortController() };
    const exec = observedExec(hanging, () => undefined, signals.all.signal);
    const ended = exec({ argv, timeoutMilliseconds: 1000, abort: signals.one.signal });
    signals[which].abort();
    expect((await ended).signal).toBe('SIGTERM');
    expect((await exec({ argv, timeoutMilliseconds: 1000, abort: signals[which].signal })).signal).toBe(
      'SIGTERM',
    );
  });

  it('leave nothing behind with signals that live for ever', async () => {
    const [all, one] = [new AbortController().signal, new AbortController().signal];
    const exec = observedExec(
      async () => result,
      () => undefined,
      all,
    );
    for (let run = 0; run < 20; run++) await exec({ argv, timeoutMilliseconds: 1000, abort: one });
    expect([all, one].flatMap((signal) => getEventListeners(signal, 'abort'))).toEqual([]);
    // What AbortSignal.any would leave.
    const left = [all, one].flatMap((signal) => Object.getOwnPropertySymbols(signal).map(String));
    expect(left.filter((name) => name.includes('ependant'))).toEqual([]);
  });
});
