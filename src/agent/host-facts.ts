import type { Exec } from '../kernel/exec.ts';
import { readHostFacts } from '../kernel/interfaces.ts';
import { isConntrackTcpBeLiberal, type Sysctls } from '../kernel/sysctl.ts';
import type { HostFacts, RoutingSettings } from '../routing/settings.ts';

/**
 * Facts of this machine, as far as the settings make them matter: to list addresses takes a program and some milliseconds, and
 * only `nodePortAddresses` asks for them.
 */
export async function hostFacts(settings: RoutingSettings, exec: Exec, sysctls: Sysctls): Promise<HostFacts> {
  if (settings.nodePortAddresses.kind !== 'all') return readHostFacts({ exec, sysctls });
  return { addresses: [], conntrackTcpBeLiberal: await isConntrackTcpBeLiberal(sysctls) };
}

/** Facts that are read now and then, and not for each sync. */
export interface HeldFacts {
  /** As they were read last; reads them when they are not known. */
  current(): Promise<HostFacts>;
  /** Reads them again. @returns whether they differ from before. */
  refresh(): Promise<boolean>;
}

/** @param settings as they are now: facts that were read for others may lack what these ask for. */
export function holdFacts(
  settings: () => RoutingSettings,
  read: (settings: RoutingSettings) => Promise<HostFacts>,
): HeldFacts {
  let held: { readonly facts: HostFacts; readonly settings: RoutingSettings } | undefined;
  const fresh = async () => {
    const now = settings();
    return { facts: await read(now), settings: now };
  };
  return {
    current: async () => {
      if (held?.settings !== settings()) held = await fresh();
      return held.facts;
    },
    refresh: async () => {
      const before = held?.facts;
      held = await fresh();
      return JSON.stringify(held.facts) !== JSON.stringify(before);
    },
  };
}
