import type { Config } from '../config/defaults.ts';
import type { ConfigUpdates } from '../config/updates.ts';
import type { Family } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Log } from '../observe/log.ts';

/** What a person chose for one call of the agent. */
export interface NodeOptions {
  readonly config: Config;
  /** Undefined: all that the host speaks. */
  readonly families: readonly Family[] | undefined;
}

/** Where objects come from. */
export type SourceChoice =
  | { readonly kind: 'manifests'; readonly directory: string }
  /** As `config.client` says. */
  | { readonly kind: 'api' };

export interface SourceOptions extends NodeOptions {
  readonly source: SourceChoice;
  /** The configuration file, followed; undefined without one. Only `run` listens. */
  readonly updates?: ConfigUpdates | undefined;
}

/** Where a call of the agent tells what it does, and how it is ended. */
export interface Context {
  readonly log: Log;
  /** Aborted: end soon and cleanly. */
  readonly signal: AbortSignal;
  /** Takes all findings that stand; each call replaces the one before. */
  readonly onFindings: (findings: readonly Finding[]) => void;
}
