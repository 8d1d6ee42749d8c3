import type { Exec } from '../kernel/exec.ts';
import { readHostFacts } from '../kernel/interfaces.ts';
import { isConntrackTcpBeLiberal, type Sysctls } from '../kernel/sysctl.ts';
import type { HostFacts, RoutingSettings } from '../routing/settings.ts';

/**
 * Facts of this machine, as far as the settings make them matter: to list addresses takes a program and some milliseconds at each sync, and
 * only `nodePortAddresses` asks for them.
 */
export async function hostFacts(settings: RoutingSettings, exec: Exec, sysctls: Sysctls): Promise<HostFacts> {
  if (settings.nodePortAddresses.kind !== 'all') return readHostFacts({ exec, sysctls });
  return { addresses: [], conntrackTcpBeLiberal: await isConntrackTcpBeLiberal(sysctls) };
}
