const unitMilliseconds: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3], // U+00B5, micro sign
  ['μs', 1e-3], // U+03BC, Greek letter mu
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Go keeps durations as nanoseconds in 64 bits. */
const longest = 2 ** 63 / 1e6;

// Both letters mu are escaped: the build wants regular expressions in ASCII.
const whole = /^(?<sign>[-+]?)(?<parts>(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+|0)$/;
const part = /(?<amount>[\d.]+)(?<unit>[a-z\u00b5\u03bc]+)/g;

/** Milliseconds of a duration as Go writes it (`30s`, `1m0s`, `1.5h`, `0`), or undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 100) return undefined;
  const { sign, parts } = text.match(whole)?.groups ?? {};
  if (parts === undefined) return undefined;
  let total = 0;
  for (const { groups } of parts.matchAll(part)) {
    total += Number(groups?.['amount']) * (unitMilliseconds.get(groups?.['unit'] ?? '') ?? Number.NaN);
  }
  if (!(total < longest)) return undefined;
  // 32.035 s are 32,035 ms, not some billionths less. Long durations have no room for such an error.
  if (total * 1e6 < Number.MAX_SAFE_INTEGER) total = Math.round(total * 1e6) / 1e6;
  return sign === '-' && total !== 0 ? -total : total;
}

/** The duration as Go prints it: `1m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  if (milliseconds === 0) return '0s';
  if (milliseconds < 1e-3) return `${Math.round(milliseconds * 1e6)}ns`;
  if (milliseconds < 1) return `${trimmed(milliseconds * 1e3)}µs`;
  if (milliseconds < 1000) return `${trimmed(milliseconds)}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = `${trimmed((milliseconds % 60_000) / 1000)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** Without trailing zeros, never with an exponent. */
function trimmed(number: number): string {
  return number.toFixed(9).replace(/\.?0+$/, '');
}
