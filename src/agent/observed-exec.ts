import { basename } from 'node:path';
import type { Exec } from '../kernel/exec.ts';
import type { Observer } from '../observe/happening.ts';

/**
 * Programs whose ends are told. Aborting the signal ends those that run, so that none that hangs keeps the agent from ending.
 */
export function observedExec(exec: Exec, observe: Observer, signal: AbortSignal): Exec {
  return async (command) => {
    const started = performance.now();
    const either = eitherOf(signal, command.abort);
    const told = (ok: boolean): void => {
      const milliseconds = performance.now() - started;
      observe({ kind: 'program-ended', program: nameOf(command.argv), milliseconds, ok });
    };
    try {
      const result = await exec({ ...command, abort: either.signal });
      told(result.exitCode === 0 && !result.timedOut);
      return result;
    } catch (thrown) {
      told(false);
      throw thrown;
    } finally {
      either.release();
    }
  };
}

/** Aborted with the first of both. AbortSignal.any of Node 20 leaves 100 bytes with the signals for each call, for ever. */
function eitherOf(signal: AbortSignal, other: AbortSignal | undefined) {
  if (other === undefined) return { signal, release: () => undefined };
  const either = new AbortController();
  const abort = (): void => either.abort();
  for (const each of [signal, other]) {
    each.addEventListener('abort', abort);
    if (each.aborted) abort();
  }
  const release = (): void => {
    for (const each of [signal, other]) each.removeEventListener('abort', abort);
  };
  return { signal: either.signal, release };
}

/** `xtables-nft-multi iptables-restore` and `iptables-nft-restore` are both `iptables-restore`. */
function nameOf([first, second = '']: readonly [string, ...string[]]): string {
  const name = basename(first);
  const called = /^xtables-(?:nft|legacy)-multi$/.test(name) ? second : name;
  return called.replace(/^(ip6?tables)-(?:nft|legacy)/, '$1');
}
