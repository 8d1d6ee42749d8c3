import type { Clock } from '../clock.ts';
import type { Sysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Observer } from '../observe/happening.ts';
import type { Log } from '../observe/log.ts';
import type { RoutingSettings } from '../routing/settings.ts';
import type { HeldFacts } from './host-facts.ts';
import type { FamilyKernel } from './node-kernel.ts';

/** What the keeper of one family works with. */
export interface KeeperOptions {
  readonly family: Family;
  /** Finds what this family's programs and kernel can do; asked at the start and after a failure. */
  readonly open: () => Promise<FamilyKernel>;
  readonly sysctls: Sysctls;
  readonly facts: HeldFacts;
  /** As they are now. */
  readonly routing: () => RoutingSettings;
  readonly scheduling: {
    readonly minPeriodMilliseconds: number | undefined;
    readonly retryMaximum: number;
  };
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly observe: Observer;
  /** Takes what keeps the rules from being as the objects ask for. */
  readonly tellFindings: (findings: readonly Finding[]) => void;
  /**
   * Called after each sync that ended well: the kernel holds the snapshot. Must return at once.
   * @param released rules that had been in quarantine are in force, so that more has changed than the snapshot.
   */
  readonly programmed: (snapshot: Snapshot, released: boolean) => void;
}
