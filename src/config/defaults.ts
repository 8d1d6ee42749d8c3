import { defaultRoutingSettings, type RoutingSettings } from '../routing/settings.ts';
import type { IptablesVariant } from './schema.ts';

/** How often the kernel is written and compared. */
export interface SyncSettings {
  /** Least time between the end of one sync and the start of the next. */
  readonly minSyncPeriodMilliseconds: number;
  /** The kernel is compared this often when nothing changes. */
  readonly syncPeriodMilliseconds: number;
}

/** All that an administrator decided: defaults, the configuration file and flags, checked and settled. */
export interface Config {
  readonly mode: 'iptables';
  readonly iptablesVariant: IptablesVariant;
  /** The Node object that stands for this machine. */
  readonly nodeName: string;
  readonly routing: RoutingSettings;
  readonly sync: SyncSettings;
  /** Fields of the file that have a value and no effect (yet), as dotted paths. */
  readonly withoutEffect: readonly string[];
}

/** What holds without a configuration file; the node's name comes from the machine. */
export const defaultConfig: Omit<Config, 'nodeName'> = {
  mode: 'iptables',
  iptablesVariant: 'auto',
  routing: defaultRoutingSettings,
  sync: { minSyncPeriodMilliseconds: 1000, syncPeriodMilliseconds: 30_000 },
  withoutEffect: [],
};
