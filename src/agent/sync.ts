import type { Iptables } from '../kernel/iptables.ts';
import { RulesHash } from '../kernel/rules-digest.ts';
import type { FamilyRoutes, NodeRoute } from '../routing/route.ts';
import { type Decided, decideRoutes, type RoutingInput } from '../routing/routes.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import { isComparable, type Layout, type LayoutOptions, layOut } from '../rules/iptables/layout/layout.ts';
import { chainNames } from '../rules/iptables/names.ts';
import { type Applied, settle } from '../rules/iptables/plan/applied.ts';
import { planAll, planChange } from '../rules/iptables/plan/delta.ts';
import { AppliedReader } from '../rules/iptables/plan/read-applied.ts';
import { restoreLines } from '../rules/iptables/plan/restore.ts';
import type { Plan } from '../rules/plan.ts';
import { paced } from './pace.ts';

/** The kernel of one family, as far as a sync needs it. */
export type RuleKernel = Pick<Iptables, 'programs' | 'restore' | 'save' | 'read'>;

/** What the agent remembers of one family between syncs. */
export interface FamilyState {
  readonly decided: Decided | undefined;
  /** What was programmed last. */
  readonly layout: Layout | undefined;
  /** Undefined: not known, at the start and after a failure; the next sync reads the kernel. */
  readonly applied: Applied | undefined;
}

/** A state whose `applied` is known. */
export interface KnownState extends FamilyState {
  readonly applied: Applied;
}

export const freshState: FamilyState = {
  decided: undefined,
  layout: undefined,
  applied: undefined,
};

/** What one sync wants to do, and the state once it is done. */
export interface Prepared {
  readonly plan: Plan;
  readonly layout: Layout;
  readonly next: KnownState;
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
  const decided = await paced(decideRoutes(input, state.decided));
  const read = () => readApplied(kernel, decided.node);
  const prepared = await prepare(decided, decided, features, await known(state, read));
  await send(prepared.plan, kernel);
  return prepared;
}

/** Reads the kernel when its content is not known. */
export async function known(state: FamilyState, read: () => Promise<Reading>): Promise<KnownState> {
  return { ...state, applied: state.applied ?? (await read()).applied };
}

/** Everything of a sync that needs no kernel: layout and plan of `routes`, which may be others than were decided. Costs what changed. */
export async function prepare(
  decided: Decided,
  routes: FamilyRoutes,
  features: IptablesFeatures,
  state: KnownState,
): Promise<Prepared> {
  const options = layoutOptions(features, decided, state.layout);
  const layout = await paced(layOut(routes, options, state.layout));
  const { applied } = state;
  const { layout: before } = applied;
  const follows = before !== undefined && isComparable(before, layout);
  const steps = follows ? planChange(applied, before, layout) : planAll(applied, layout);
  const plan = await paced(steps);
  return { plan, layout, next: { decided, layout, applied: settle(applied, plan, layout) } };
}

/** Applies a plan; a plan without steps runs nothing. */
export async function send({ steps }: Plan, kernel: RuleKernel): Promise<void> {
  const transactions = kernel.programs.variant === 'nft' ? 'small' : 'one';
  if (steps.length > 0) await kernel.restore(restoreLines(steps, transactions));
}

/** What the kernel holds of ours, and the digest of all that it holds in our tables. */
export interface Reading {
  readonly applied: Applied;
  readonly digest: string;
  /** It was read some time before it was asked for. */
  readonly ahead: boolean;
}

/** Whose chains are ours. */
export type Owner = Pick<NodeRoute, 'family' | 'besideKubeProxy'>;

export async function readApplied(kernel: Pick<RuleKernel, 'read'>, owner: Owner): Promise<Reading> {
  const names = chainNames(owner);
  const reader = new AppliedReader(owner.family, names);
  const hash = new RulesHash(names);
  await kernel.read((piece) => {
    hash.push(piece);
    return paced(reader.push(piece));
  });
  return { applied: await paced(reader.end()), digest: hash.end(), ahead: false };
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
