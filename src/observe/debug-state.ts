import type { Family } from '../model/address.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { FamilyRoutes } from '../routing/route.ts';
import type { Plan } from '../rules/plan.ts';

/** What the agent holds at this moment, for the debugging door. Calls cost nothing; what they give is immutable. */
export interface DebugState {
  /** Undefined until the source is synced. */
  snapshot(): Snapshot | undefined;
  /** One per family that this node speaks. */
  families(): readonly FamilyDebugState[];
}

/** What the agent holds of one family. */
export interface FamilyDebugState {
  readonly family: Family;
  /** Undefined until they were decided once. */
  readonly routes: FamilyRoutes | undefined;
  /** The last plan that had steps, applied or refused. */
  readonly lastPlan: Plan | undefined;
  /** Keys of Service ports that are left out because the kernel refuses their rules, or lacks what these need: `ns/svc:port/tcp`. */
  readonly quarantined: readonly string[];
}
