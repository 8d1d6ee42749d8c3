import type { Exec } from './exec.ts';

/** Packets counted by the rules that have a counter; undefined where it does not exist. */
export interface CountedPackets {
  /** Dropped because connection tracking calls them INVALID. */
  readonly invalidDropped: number | undefined;
  /** Accepted on NodePorts of 127.0.0.1. */
  readonly localhostNodePorts: number | undefined;
}

/** What the counters of this network namespace say now. Undefined when they cannot be read, for whatever reason. */
export async function readCounters(exec: Exec): Promise<CountedPackets | undefined> {
  const result = await exec({ argv: ['nfacct', 'list'], timeoutMilliseconds: 2000 }).catch(() => undefined);
  if (result?.exitCode !== 0) return undefined;
  const packets = new Map<string, number>();
  for (const [, count = '', name = ''] of result.stdout.matchAll(/pkts = (\d+), bytes = \d+ .*= (\S+);$/gm))
    packets.set(name, Number(count));
  return {
    invalidDropped: packets.get('ct_state_invalid_dropped_pkts'),
    localhostNodePorts: packets.get('localhost_nps_accepted_pkts'),
  };
}
