/** `count` bounds that begin with `start`, each `factor` times the one before; as `ExponentialBuckets` of Prometheus' Go client. */
export function exponential(start: number, factor: number, count: number): readonly number[] {
  const bounds = [start];
  while (bounds.length < count) bounds.push((bounds.at(-1) ?? start) * factor);
  return bounds;
}

/** `count` bounds that begin with `start`, `width` apart; as `LinearBuckets` of Prometheus' Go client. */
export function linear(start: number, width: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + index * width);
}
