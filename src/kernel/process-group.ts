import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** Ends a child that was started `detached`, and with it everything that it started. */
export interface GroupKiller {
  /** SIGTERM now, SIGKILL after the grace. The second call does nothing. */
  readonly stop: () => void;
  /** No signal will be sent from now on. */
  readonly release: () => void;
}

/**
 * @param graceMilliseconds between SIGTERM and SIGKILL.
 * At SIGKILL the pipes are closed too, so that a grandchild that left the group cannot keep the child's `close` event away.
 */
export function groupKiller(child: ChildProcessWithoutNullStreams, graceMilliseconds: number): GroupKiller {
  let timer: NodeJS.Timeout | undefined;
  return {
    stop() {
      if (timer !== undefined) return;
      signalGroup(child.pid, 'SIGTERM');
      timer = setTimeout(() => {
        signalGroup(child.pid, 'SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
      }, graceMilliseconds);
    },
    release() {
      clearTimeout(timer);
    },
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the last of the group ended just now, which is what was wanted.
  }
}
