import { NodeplaneError } from '../errors.ts';
import type { CommandResult, Exec } from './exec.ts';

/** Counters that kube-proxy's rules count into, and its metrics read. */
const nfacctCounters = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'] as const;

/** Whether the counters could be had: the program is there, the kernel has them, and we may. Changes nothing. */
export async function canHaveCounters(exec: Exec): Promise<boolean> {
  return (await listCounters(exec)) !== undefined;
}

/** Creates those counters that are missing, and tells whether all are there now. A rule with `-m nfacct` is refused while its counter does not exist. */
export async function ensureCounters(exec: Exec): Promise<boolean> {
  const before = await listCounters(exec);
  if (before === undefined) return false;
  for (const counter of nfacctCounters) if (!before.has(counter)) await nfacct(exec, ['add', counter]);
  const after = await listCounters(exec);
  return nfacctCounters.every((counter) => after?.has(counter) === true);
}

/** Names of the counters of this network namespace; undefined when they cannot be listed. */
async function listCounters(exec: Exec): Promise<ReadonlySet<string> | undefined> {
  const result = await nfacct(exec, ['list']);
  if (result?.exitCode !== 0) return undefined;
  return new Set(Array.from(result.stdout.matchAll(/\} = (\S+);$/gm), ([, name = '']) => name));
}

async function nfacct(exec: Exec, rest: readonly string[]): Promise<CommandResult | undefined> {
  try {
    return await exec({ argv: ['nfacct', ...rest], timeoutMilliseconds: 10_000 });
  } catch (thrown) {
    if (thrown instanceof NodeplaneError && thrown.code === 'NP-KERNEL-001') return undefined;
    throw thrown;
  }
}
