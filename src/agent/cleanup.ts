import { exec } from '../kernel/exec.ts';
import { supportedFamilies } from '../kernel/families.ts';
import { createIptables } from '../kernel/iptables.ts';
import { findPrograms, type IptablesVariant } from '../kernel/iptables-programs.ts';
import { existingTables } from '../kernel/iptables-tables.ts';
import { createSysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import { chainNames } from '../rules/iptables/names.ts';
import { parseRules } from '../rules/iptables/parse/parse.ts';
import { cleanup as planCleanup } from '../rules/iptables/plan/cleanup.ts';
import { standAlone } from './check/stand-alone.ts';
import type { Context, NodeOptions } from './options.ts';

export interface CleanupReport {
  readonly family: Family;
  readonly variant: IptablesVariant;
  /** Chains of ours that were removed. */
  readonly chains: number;
  /** Rules of ours that were removed from built-in chains. */
  readonly jumps: number;
  /** Chains of ours that stay because chains of others lead to them: `nat KUBE-MARK-MASQ`. */
  readonly kept: readonly string[];
}

/**
 * Removes our rules from every variant and family that this host has; those of others stay.
 * @throws NodeplaneError `NP-CHECK-002`, `-003` while kube-proxy or a nodeplane works here, unless it is to be ignored: the chains are its own
 * then. There is no waiting for its end: who waits wants to take the rules over.
 */
export async function cleanup(options: NodeOptions, context: Context): Promise<readonly CleanupReport[]> {
  const { config } = options;
  const kubeProxy = config.kubeProxy === 'ignore' ? 'ignore' : 'refuse';
  const standing = await standAlone({ ...config, kubeProxy }, context);
  try {
    context.signal.throwIfAborted();
    return await cleanupAlone(options);
  } finally {
    await standing.release();
  }
}

async function cleanupAlone({ families, config }: NodeOptions): Promise<readonly CleanupReport[]> {
  const { programs } = await findPrograms(exec);
  const wanted = programs.filter(({ variant }) => ['auto', variant].includes(config.iptablesVariant));
  const reports: CleanupReport[] = [];
  for (const each of wanted) {
    for (const family of families ?? (await supportedFamilies(createSysctls()))) {
      const iptables = createIptables({ exec, programs: each, family });
      const text = await iptables.save(await existingTables(each.variant, family));
      const transactions = each.variant === 'nft' ? 'small' : 'one';
      const { chains, jumps, kept, lines } = planCleanup(
        parseRules(text, family).ruleSet,
        transactions,
        chainNames(config.routing),
      );
      if (chains + jumps > 0) await iptables.restore(lines);
      reports.push({ family, variant: each.variant, chains, jumps, kept });
    }
  }
  return reports;
}
