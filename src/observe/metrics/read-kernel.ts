import type { Instruments, Refresh } from './instruments.ts';
import { replace } from './replace.ts';

/** Packets that rules of ours counted in the kernel. Undefined: the counter does not exist. */
export interface NfacctPackets {
  readonly invalidDropped: number | undefined;
  readonly localhostNodePorts: number | undefined;
}

/** How full the kernel's table of tracked connections is. */
export interface ConntrackFill {
  readonly entries: number;
  readonly max: number;
}

/** Called at each scrape, and to be quick. Undefined, and a reader that rejects: nothing is shown. */
export interface KernelReaders {
  readonly readNfacct?: (() => Promise<NfacctPackets | undefined>) | undefined;
  readonly readConntrackFill?: (() => Promise<ConntrackFill | undefined>) | undefined;
}

/** Numbers that the kernel keeps for us. */
export function readKernel(instruments: Instruments, readers: KernelReaders): Refresh {
  const invalid = instruments.counter('kubeproxy_iptables_ct_state_invalid_dropped_packets_total');
  const localhost = instruments.counter('kubeproxy_iptables_localhost_nodeports_accepted_packets_total');
  const entries = instruments.gauge('nodeplane_conntrack_entries');
  const max = instruments.gauge('nodeplane_conntrack_entries_limit');
  return async () => {
    const [packets, fill] = await Promise.all([
      orNothing(readers.readNfacct),
      orNothing(readers.readConntrackFill),
    ]);
    replace(invalid, packets?.invalidDropped);
    replace(localhost, packets?.localhostNodePorts);
    replace(entries, fill?.entries);
    replace(max, fill?.max);
  };
}

async function orNothing<T>(read: (() => Promise<T | undefined>) | undefined): Promise<T | undefined> {
  try {
    return await read?.();
  } catch {
    return undefined;
  }
}
