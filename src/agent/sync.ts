import type { Iptables } from '../kernel/iptables.ts';
import type { Family } from '../model/address.ts';
import { type Decided, decideRoutes, type RoutingInput } from '../routing/routes.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import { isComparable, type Layout, type LayoutOptions, layOut } from '../rules/iptables/layout/layout.ts';
import { parseChains } from '../rules/iptables/parse/parse.ts';
import { type Applied, appliedInSteps, settle } from '../rules/iptables/plan/applied.ts';
import { planAll, planChange } from '../rules/iptables/plan/delta.ts';
import { restoreLines } from '../rules/iptables/plan/restore.ts';
import type { Plan } from '../rules/plan.ts';
import { paced } from './pace.ts';

/** The kernel of one family, as far as a sync needs it. */
export type RuleKernel = Pick<Iptables, 'programs' | 'restore' | 'save'>;

/** What the agent remembers of one family between syncs. */
export interface FamilyState {
  readonly decided: Decided | undefined;
  readonly layout: Layout | undefined;
  /** Undefined: not known, at the start and after a failure; the next sync reads the kernel. */
  readonly applied: Applied | undefined;
}

export const freshState: FamilyState = { decided: undefined, layout: undefined, applied: undefined };

/** What one sync wants to do, and the state once it is done. */
export interface Prepared {
  readonly plan: Plan;
  readonly layout: Layout;
  readonly next: FamilyState;
}

/**
 * Everything of a sync but the effect: Routes, layout, plan. Reads the kernel only when its content is not known.
 * Costs what changed since `state`.
 */
async function prepare(
  input: RoutingInput,
  features: IptablesFeatures,
  kernel: RuleKernel,
  state: FamilyState,
): Promise<Prepared> {
  const decided = await paced(decideRoutes(input, state.decided));
  const options = layoutOptions(features, decided, state.layout);
  const layout = await paced(layOut(decided, options, state.layout));
  const follows =
    state.applied !== undefined && state.layout !== undefined && isComparable(state.layout, layout);
  const applied = state.applied ?? (await readApplied(kernel, input.family));
  const steps = follows ? planChange(applied, state.layout, layout) : planAll(applied, layout);
  const plan = await paced(steps);
  return { plan, layout, next: { decided, layout, applied: settle(applied, plan) } };
}

/**
 * One pass for one family: prepare, apply. Rejects when the kernel refuses; the caller then goes on with {@link forgotten}.
 */
export async function sync(
  input: RoutingInput,
  features: IptablesFeatures,
  kernel: RuleKernel,
  state: FamilyState,
): Promise<Prepared> {
  const prepared = await prepare(input, features, kernel, state);
  const transactions = kernel.programs.variant === 'nft' ? 'small' : 'one';
  const { steps } = prepared.plan;
  if (steps.length > 0) await kernel.restore(restoreLines(steps, transactions));
  return prepared;
}

async function readApplied(kernel: RuleKernel, family: Family): Promise<Applied> {
  return paced(appliedInSteps(parseChains(await kernel.save(), family)));
}

/** The state after a failed sync: what is decided stays, what the kernel holds is not known any more. */
export function forgotten(state: FamilyState): FamilyState {
  return { ...state, applied: undefined };
}

/** Above this many endpoints kube-proxy leaves endpoint comments out; they return only well below, so that nothing flaps. */
const manyEndpoints = 1000;

/** Options of a layout; `previous` keeps the choice about comments from flapping. */
export function layoutOptions(
  features: IptablesFeatures,
  decided: Decided,
  previous: Layout | undefined,
): LayoutOptions {
  const threshold = previous?.options.comments === false ? manyEndpoints / 2 : manyEndpoints;
  return { features, comments: decided.endpointCount <= threshold };
}
