import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Instruments, Refresh } from './instruments.ts';
import { replace } from './replace.ts';

/** Period of the timer that measures lateness. Measured: 20 ms would cost 0.2 % of a core for ever, and this a fifth of it. */
const resolutionMilliseconds = 100;

/** What the process tells of itself. What /proc does not tell is not shown. */
export function readProcess(instruments: Instruments): {
  readonly refresh: Refresh;
  readonly stop: () => void;
} {
  const system = readSystem(instruments);
  const heap = readHeap(instruments);
  const eventLoop = readEventLoop(instruments);
  const refresh = async (): Promise<void> => {
    heap();
    eventLoop.refresh();
    await system();
  };
  return { refresh, stop: eventLoop.stop };
}

function readSystem(instruments: Instruments): Refresh {
  const cpu = instruments.counter('process_cpu_seconds_total');
  const openFds = instruments.gauge('process_open_fds');
  const maxFds = instruments.gauge('process_max_fds');
  const resident = instruments.gauge('process_resident_memory_bytes');
  const virtual = instruments.gauge('process_virtual_memory_bytes');
  instruments.gauge('process_start_time_seconds').set(Math.round(performance.timeOrigin) / 1000);
  return async () => {
    const [fds, limits, status] = await Promise.all([
      readdir('/proc/self/fd').catch(() => undefined),
      readFile('/proc/self/limits', 'utf8').catch(() => ''),
      readFile('/proc/self/status', 'utf8').catch(() => ''),
    ]);
    const { user, system } = process.cpuUsage();
    replace(cpu, (user + system) / 1e6);
    replace(openFds, fds?.length);
    replace(maxFds, numberIn(limits, /^Max open files\s+(\d+)/m));
    const virtualKilobytes = numberIn(status, /^VmSize:\s+(\d+) kB/m);
    replace(virtual, virtualKilobytes === undefined ? undefined : virtualKilobytes * 1024);
    replace(resident, process.memoryUsage.rss());
  };
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function readHeap(instruments: Instruments): () => void {
  const total = instruments.gauge('nodejs_heap_size_total_bytes');
  const used = instruments.gauge('nodejs_heap_size_used_bytes');
  const external = instruments.gauge('nodejs_external_memory_bytes');
  return () => {
    const memory = process.memoryUsage();
    total.set(memory.heapTotal);
    used.set(memory.heapUsed);
    external.set(memory.external);
  };
}

function readEventLoop(instruments: Instruments): {
  readonly refresh: () => void;
  readonly stop: () => void;
} {
  const mean = instruments.gauge('nodejs_eventloop_lag_mean_seconds');
  const p99 = instruments.gauge('nodejs_eventloop_lag_p99_seconds');
  const max = instruments.gauge('nodejs_eventloop_lag_max_seconds');
  const histogram = monitorEventLoopDelay({ resolution: resolutionMilliseconds });
  histogram.enable();
  // The histogram holds what lay between two ticks, the timer's own period included; before the first tick it holds nonsense.
  const lag = (nanoseconds: number): number =>
    histogram.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - resolutionMilliseconds / 1000);
  const refresh = (): void => {
    mean.set(lag(histogram.mean));
    p99.set(lag(histogram.percentile(99)));
    max.set(lag(histogram.max));
    histogram.reset();
  };
  return { refresh, stop: () => histogram.disable() };
}
