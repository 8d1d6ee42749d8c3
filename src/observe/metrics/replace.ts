import type { Counter, Gauge } from 'prom-client';

/** Shows a value that somebody else counts or measures, in a metric without labels; undefined: shows none. */
export function replace(metric: Counter | Gauge, value: number | undefined): void {
  metric.remove();
  if (value !== undefined) metric.inc(value);
}
