import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { type Agent, sumOf } from '../faults/agent.ts';

/** How the agent stands at a moment. */
export interface Sample {
  readonly minutes: number;
  readonly residentMb: number;
  readonly heapMb: number;
  readonly fds: number;
  readonly children: number;
}

export async function sample(agent: Agent, began: number): Promise<Sample> {
  const [page, pid] = await Promise.all([agent.page('/metrics'), agent.pid()]);
  return {
    minutes: (performance.now() - began) / 60_000,
    residentMb: sumOf(page, 'process_resident_memory_bytes') / 1e6,
    heapMb: sumOf(page, 'nodejs_heap_size_used_bytes') / 1e6,
    fds: (await readdir(`/proc/${pid}/fd`)).length,
    children: await childrenOf(pid),
  };
}

/** MB of the heap that a full collection leaves: the least of some, since new objects come all the time. */
export async function liveHeap(agent: Agent): Promise<number> {
  const sizes: number[] = [];
  for (let times = 0; times < 5; times++) {
    const pid = await agent.pid();
    if (pid !== undefined) process.kill(pid, 'SIGUSR2');
    await setTimeout(300);
    sizes.push(sumOf(await agent.page('/metrics'), 'nodejs_heap_size_used_bytes') / 1e6);
  }
  return Math.min(...sizes);
}

async function childrenOf(pid: number | undefined): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = threads.map((thread) =>
    readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(lists))
    .join('')
    .split(' ')
    .filter((each) => each !== '').length;
}

/** One figure over time: where it began and ended, and how steeply it rose. */
export interface Trend {
  readonly first: number;
  readonly last: number;
  /** Per minute, by least squares over all samples. */
  readonly slope: number;
  /** What the slope makes of the whole time. */
  readonly rise: number;
}

/**
 * @param of which figure.
 * `first` and `last` are the lower quartiles of the first and the last third: what a garbage collector leaves, not what it has not collected yet.
 */
export function trendOf(samples: readonly Sample[], of: (sample: Sample) => number): Trend {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const slope = slopeOf(samples.map((each) => [each.minutes, of(each)]));
  const minutes = (samples.at(-1)?.minutes ?? 0) - (samples[0]?.minutes ?? 0);
  return {
    first: lowerQuartile(samples.slice(0, third).map(of)),
    last: lowerQuartile(samples.slice(-third).map(of)),
    slope,
    rise: slope * minutes,
  };
}

export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const across = mean(points.map(([x]) => (x - meanX) ** 2));
  return across === 0 ? 0 : mean(points.map(([x, y]) => (x - meanX) * (y - meanY))) / across;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / Math.max(numbers.length, 1);
}

function lowerQuartile(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 4)] ?? 0;
}
