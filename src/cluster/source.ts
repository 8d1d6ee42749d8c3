import type { Finding } from '../model/finding.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** What a source tells. Calls never overlap and never come after {@link Source.stop} has resolved. */
export interface Listener {
  /**
   * The cluster as it is now. The first call comes once everything was heard completely (the source is synced); each later one
   * carries at least one change. Snapshots share what did not change.
   */
  snapshot(snapshot: Snapshot): void;
  /** All findings that stand now, sorted by object, field and code; called when the set has changed. */
  findings(findings: readonly Finding[]): void;
}

/** Where objects come from. The agent does not know which implementation it has. */
export interface Source {
  /**
   * Begins to listen and resolves when synced, after the first `snapshot` call.
   * @throws NodeplaneError `NP-SOURCE-*` when there is nothing that could ever be read (the directory does not exist).
   */
  start(listener: Listener): Promise<void>;
  /** Ends all listening; idempotent. */
  stop(): Promise<void>;
}
