import type { Config } from '../config/defaults.ts';
import type { Exec } from '../kernel/exec.ts';
import { supportedFamilies } from '../kernel/families.ts';
import { missingError, probeFeatures } from '../kernel/features.ts';
import { createIptables, type Iptables } from '../kernel/iptables.ts';
import { chooseVariant, type VariantChoice } from '../kernel/iptables-variant.ts';
import { createSysctls, type Sysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import type { HostFacts, RoutingSettings } from '../routing/settings.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import { hostFacts } from './host-facts.ts';

/** One family of this node's kernel, ready for rules. */
export interface FamilyKernel {
  readonly family: Family;
  readonly iptables: Iptables;
  readonly features: IptablesFeatures;
  /** Extensions that some Services need and this kernel lacks: `recent` for session affinity, `sctp`. */
  readonly lacking: readonly string[];
}

/** The kernel of this node: what its network namespace is and how to write to it. */
export interface NodeKernel {
  readonly variant: VariantChoice;
  readonly families: readonly FamilyKernel[];
  readonly sysctls: Sysctls;
  /** Read anew each time, because addresses come and go. */
  facts(settings: RoutingSettings): Promise<HostFacts>;
}

export interface OpenOptions {
  readonly exec: Exec;
  readonly variant: Config['iptablesVariant'];
  /** Families to serve; undefined: all that the host speaks. */
  readonly families: readonly Family[] | undefined;
  /** Whether counters and settings that the rules need may be created; `diff` changes nothing. */
  readonly mayChange: boolean;
}

/**
 * Finds the programs and asks what they and the kernel can do.
 * @throws NodeplaneError `NP-KERNEL-*` when this node cannot run the rules at all.
 */
export async function openKernel(options: OpenOptions): Promise<NodeKernel> {
  const { exec, mayChange } = options;
  const sysctls = createSysctls();
  const variant = await chooseVariant({ exec, wanted: options.variant });
  const families = options.families ?? (await supportedFamilies(sysctls));
  const opened: FamilyKernel[] = [];
  for (const family of families) {
    const iptables = createIptables({ exec, programs: variant.programs, family });
    const probed = await probeFeatures({ exec, iptables, mayCreateCounters: mayChange });
    const missing = missingError(probed, `iptables-restore (${variant.variant})`);
    if (missing !== undefined) throw missing;
    opened.push({
      family,
      iptables,
      features: probed.features,
      lacking: probed.missing.map(({ name }) => name),
    });
  }
  const facts = (settings: RoutingSettings) => hostFacts(settings, exec, sysctls);
  return { variant, families: opened, sysctls, facts };
}
