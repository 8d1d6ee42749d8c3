import type { ConntrackSettings } from '../config/defaults.ts';
import { toError } from '../errors.ts';
import { createSysctls, type Sysctls } from './sysctl.ts';

export interface ConntrackHost {
  readonly sysctls: Sysctls;
  /** Of the machine, also where this process may use only some of them. */
  readonly cpus: number;
  /** Parameters of the module by their names; default: those of this machine. */
  readonly parameters?: Sysctls;
}

/** More entries would need gigabytes on machines with many cores (kubernetes#137002). */
const mostEntries = 1_048_576;

/**
 * Sets what the configuration asks for, exactly, as kube-proxy 1.36 does: a limit that was higher becomes lower. Writes only what differs.
 * @returns an error `NP-KERNEL-008` for each setting that could not be changed; /proc/sys is read-only in many containers.
 */
export async function applyConntrackSettings(
  settings: ConntrackSettings,
  host: ConntrackHost,
): Promise<readonly Error[]> {
  const most = maximum(settings, host.cpus);
  const wanted: readonly (readonly [string, number | undefined])[] = [
    ['nf_conntrack_max', most],
    ['nf_conntrack_tcp_timeout_established', settings.tcpEstablishedTimeoutSeconds],
    ['nf_conntrack_tcp_timeout_close_wait', settings.tcpCloseWaitTimeoutSeconds],
    ['nf_conntrack_tcp_be_liberal', settings.tcpBeLiberal ? 1 : undefined],
    ['nf_conntrack_udp_timeout', settings.udpTimeoutSeconds],
    ['nf_conntrack_udp_timeout_stream', settings.udpStreamTimeoutSeconds],
  ];
  const errors: Error[] = [];
  const attempt = async (change: Promise<boolean>): Promise<void> => {
    await change.catch((thrown: unknown) => errors.push(toError(thrown)));
  };
  for (const [name, value] of wanted) {
    if (value !== undefined && value > 0) await attempt(host.sysctls.set(`net/netfilter/${name}`, value));
  }
  if (most > 0) {
    const parameters = host.parameters ?? createSysctls('/sys/module/nf_conntrack/parameters');
    // A bucket for four entries at most.
    await attempt(parameters.raise('hashsize', Math.floor(most / 4)));
  }
  return errors;
}

/** Entries at most; 0: leave it. The cap is stronger than `min` only where the cores exceed it. */
function maximum({ maxPerCore, min }: ConntrackSettings, cpus: number): number {
  if (maxPerCore <= 0) return 0;
  const scaled = maxPerCore * cpus;
  return scaled > mostEntries ? mostEntries : Math.max(scaled, min);
}

/** How full the table is. */
export interface ConntrackFill {
  readonly entries: number;
  readonly max: number;
}

/** Undefined while conntrack is not loaded. */
export async function readConntrackFill(sysctls: Sysctls): Promise<ConntrackFill | undefined> {
  const [entries, max] = await Promise.all([
    sysctls.read('net/netfilter/nf_conntrack_count'),
    sysctls.read('net/netfilter/nf_conntrack_max'),
  ]);
  return entries === undefined || max === undefined ? undefined : { entries, max };
}
