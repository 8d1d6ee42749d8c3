/** Go's zero time, of what never happened. */
export const goZeroTime = '0001-01-01T00:00:00Z';

/** A moment (milliseconds since 1970) as Go writes time.Time into JSON: RFC3339Nano, which drops zeros at the end. */
export function goTime(date: number): string {
  return new Date(date).toISOString().replace(/\.?0+Z$/, 'Z');
}

/** A moment as Kubernetes writes metav1.MicroTime, which must have six decimals. */
export function microTime(date: number): string {
  return new Date(date).toISOString().replace('Z', '000Z');
}
