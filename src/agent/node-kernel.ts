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
}

/** The kernel of this node: what its network namespace is and how to write to it. */
export interface NodeKernel {
  readonly variant: VariantChoice;
  readonly families: readonly FamilyKernel[];
  readonly sysctls: Sysctls;
  /** Read anew each time, because addresses come and go. */
  facts(settings: RoutingSettings): Promise<HostFacts>;
}

export interface OpenOptions extends DoorOptions {
  /** Families to serve; undefined: all that the host speaks. */
  readonly families: readonly Family[] | undefined;
}

/**
 * Finds the programs and asks what they and the kernel can do, for all families at once.
 * @throws NodeplaneError `NP-KERNEL-*` when this node cannot run the rules at all.
 */
export async function openKernel(options: OpenOptions): Promise<NodeKernel> {
  const sysctls = createSysctls();
  const door = createKernelDoor(options);
  const variant = await door.variant();
  const families = options.families ?? (await supportedFamilies(sysctls));
  const opened: FamilyKernel[] = [];
  for (const family of families) opened.push(await door.open(family));
  const facts = (settings: RoutingSettings) => hostFacts(settings, options.exec, sysctls);
  return { variant, families: opened, sysctls, facts };
}

export interface DoorOptions {
  readonly exec: Exec;
  readonly variant: Config['iptablesVariant'];
  /** Whether counters and settings that the rules need may be created; `diff` changes nothing. */
  readonly mayChange: boolean;
  /** How long to wait for the lock of iptables-legacy. */
  readonly lockSeconds?: number;
}

/** The way to each family, which may be closed now and open later: programs are installed and modules loaded while the agent runs. */
export interface KernelDoor {
  /** Chosen once; both families use the same. @throws NodeplaneError `NP-KERNEL-001`, `-002`; the next call looks again. */
  variant(): Promise<VariantChoice>;
  /** Asks what the programs and the kernel can do now. @throws NodeplaneError `NP-KERNEL-*`. */
  open(family: Family): Promise<FamilyKernel>;
}

export function createKernelDoor(options: DoorOptions): KernelDoor {
  const { exec, mayChange, lockSeconds } = options;
  let choice: Promise<VariantChoice> | undefined;
  const variant = (): Promise<VariantChoice> => {
    choice ??= chooseVariant({ exec, wanted: options.variant }).catch((thrown: unknown) => {
      choice = undefined;
      throw thrown;
    });
    return choice;
  };
  return {
    variant,
    open: async (family) => {
      const { programs } = await variant();
      const iptables = createIptables({ exec, programs, family, ...(lockSeconds && { lockSeconds }) });
      const probed = await probeFeatures({ exec, iptables, mayCreateCounters: mayChange });
      const missing = missingError(probed, `iptables-restore (${programs.variant})`);
      if (missing !== undefined) throw missing;
      return { family, iptables, features: probed.features };
    },
  };
}
