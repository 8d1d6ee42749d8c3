import { setTimeout } from 'node:timers/promises';
import type { Prober } from './prober.ts';

const sample = /^kubeproxy_sync_proxy_rules_last_timestamp_seconds(?:\{ip_family="IPv4"\})? (\S+)$/m;

/**
 * When the rules were synced for the first time since a moment, by the program's own metrics.
 * @returns milliseconds since 1970; undefined: not in time.
 */
export async function syncedAt(
  prober: Prober,
  since: number,
  milliseconds: number,
): Promise<number | undefined> {
  while (performance.timeOrigin + performance.now() < since + milliseconds) {
    const time = Number(sample.exec(await prober.get('http://127.0.0.1:10249/metrics'))?.[1] ?? 0) * 1000;
    if (time > since) return time;
    await setTimeout(200);
  }
  return undefined;
}
