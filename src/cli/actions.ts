import type { ApplyReport } from '../agent/apply.ts';
import type { CheckOptions } from '../agent/check/check.ts';
import type { CheckFinding } from '../agent/check/finding.ts';
import type { CleanupReport } from '../agent/cleanup.ts';
import type { InitializeReport } from '../agent/initialize.ts';
import type { Context, NodeOptions, SourceOptions } from '../agent/options.ts';
import type { RenderedFamily } from '../agent/render.ts';
import type { Comparison } from '../rules/comparison.ts';

/** What the verbs ask of the agent. They know it by these seven functions alone, and tests hand in others. */
export interface Actions {
  /** The whole rule text of each family, as it would be sent to an empty kernel. */
  render(options: SourceOptions, context: Context): Promise<readonly RenderedFamily[]>;
  /** One sync. */
  apply(options: SourceOptions, context: Context): Promise<readonly ApplyReport[]>;
  /** What `apply` would change. */
  diff(options: SourceOptions, context: Context): Promise<Comparison>;
  /** Removes our rules. One report per family and variant that was looked at. */
  cleanup(options: NodeOptions, context: Context): Promise<readonly CleanupReport[]>;
  /** Sets what needs full privileges, so that `run` can do with CAP_NET_ADMIN. */
  initialize(options: CheckOptions, context: Context): Promise<InitializeReport>;
  /** What stands in the way on this node; changes nothing. */
  check(options: CheckOptions, context: Context): Promise<readonly CheckFinding[]>;
  /** Follows the source until the signal is aborted, and resolves then. */
  run(options: SourceOptions, context: Context): Promise<void>;
}
