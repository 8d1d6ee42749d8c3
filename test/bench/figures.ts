/** Some measurements of the same thing, in the unit they were taken in. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    count: sorted.length,
  };
}

export function medianOf(values: readonly number[]): number {
  return spreadOf(values).p50;
}

/** Field by field, the median of several runs. Fields that are neither numbers nor records of numbers are those of the first run. */
export function medianRun<T extends object>(runs: readonly T[]): T {
  const [first] = runs;
  if (first === undefined) throw new Error('no run to take the median of');
  const fields = Object.entries(first).map(([field, value]) => [field, medianField(field, value, runs)]);
  return Object.assign({ ...first }, Object.fromEntries(fields));
}

function medianField(field: string, value: unknown, runs: readonly object[]): unknown {
  const values = runs.map((run) => new Map<string, unknown>(Object.entries(run)).get(field));
  if (typeof value === 'number') return medianOf(values.filter((each) => typeof each === 'number'));
  if (Array.isArray(value) || !isObject(value)) return value;
  return medianRun(values.filter(isObject));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Of sorted values: the one below which a share of all lies (nearest rank). */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export async function timed<T>(
  run: () => T | Promise<T>,
): Promise<{ readonly value: T; readonly ms: number }> {
  const started = performance.now();
  const value = await run();
  return { value, ms: performance.now() - started };
}
