import { readdirSync, readFileSync } from 'node:fs';

/** Peak resident memory of a process in MB, by the kernel's account; 0 when it is gone. */
export function peakMemory(pid: number | 'self'): number {
  return memoryField(pid, 'VmHWM');
}

/** Resident memory of a process in MB now; 0 when it is gone. */
export function residentMemory(pid: number | 'self'): number {
  return memoryField(pid, 'VmRSS');
}

/** What is in use of the heap once all garbage is collected, in MB. Needs `--expose-gc`. */
export function retainedHeap(): number {
  if (globalThis.gc === undefined) throw new Error('node must be started with --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Runs something and tells the highest peak of all programs that ran meanwhile in this PID namespace, this process excepted. */
export async function watchingPrograms<T>(
  run: () => Promise<T>,
): Promise<{ readonly value: T; readonly peakMb: number }> {
  let peakMb = 0;
  const look = (): void => {
    for (const pid of programs()) peakMb = Math.max(peakMb, peakMemory(pid));
  };
  const timer = setInterval(look, 5);
  try {
    const value = await run();
    return { value, peakMb };
  } finally {
    clearInterval(timer);
  }
}

function programs(): readonly number[] {
  const pids = readdirSync('/proc').map(Number);
  return pids.filter((pid) => pid > 1 && pid !== process.pid);
}

function memoryField(pid: number | 'self', field: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    return 0; // it has ended
  }
}
