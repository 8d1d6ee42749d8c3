import type { Family } from '../model/address.ts';
import { entries, type ImmutableMap, immutableMap } from '../model/immutable-map.ts';
import type { Log } from '../observe/log.ts';
import type { Route } from '../routing/route.ts';
import { type Decided, decideRoutes, type RoutingInput } from '../routing/routes.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import { changedChains, isComparable, type Layout } from '../rules/iptables/layout/layout.ts';
import type { Lack } from '../rules/iptables/layout/supported.ts';
import type { Applied } from '../rules/iptables/plan/applied.ts';
import type { Plan, Step } from '../rules/plan.ts';
import { isolate } from './isolate.ts';
import { KernelReader } from './kernel-reader.ts';
import { paced } from './pace.ts';
import { nextTry, type Quarantine, quarantined, stillQuarantined, substitute } from './quarantine.ts';
import { refusalOf } from './refusal.ts';
import { type FamilyState, forgotten, freshState, type Owner, type RuleKernel } from './sync.ts';
import { Tries } from './tries.ts';

/** What one pass works with. */
export interface PassTask {
  readonly input: RoutingInput;
  readonly features: IptablesFeatures;
  readonly kernel: RuleKernel;
  /** By the clock of the agent, in milliseconds. */
  readonly now: number;
  /** Aborted: no further restore. */
  readonly signal: AbortSignal;
}

/** What one pass did. */
export interface Passed {
  readonly layout: Layout;
  readonly applied: Applied;
  readonly done: Tries['done'];
  /** The kernel was read. */
  readonly full: boolean;
  /** Chains that somebody else had changed, `table chain`; looked for only when there was a suspicion. */
  readonly drift: readonly string[];
}

/** The rules of one family: what is wanted, what the kernel holds, what it refuses. */
export class FamilyRules {
  readonly #family: Family;
  readonly #log: Log;
  #state: FamilyState = freshState;
  #quarantine: Quarantine = new Map();
  #suspicion = false;
  #lastPlan: Plan | undefined;
  #digest: string | undefined;
  readonly #reader = new KernelReader();

  constructor(family: Family, log: Log) {
    this.#family = family;
    this.#log = log;
  }

  get decided(): Decided | undefined {
    return this.#state.decided;
  }

  get layout(): Layout | undefined {
    return this.#state.layout;
  }

  /** The last plan that had steps, applied or refused. */
  get lastPlan(): Plan | undefined {
    return this.#lastPlan;
  }

  /** The digest of the rules as they were read last, if nothing had to be written then or since. */
  get digest(): string | undefined {
    return this.#digest;
  }

  get quarantine(): Quarantine {
    return this.#quarantine;
  }

  /** When a Service port in quarantine is to be tried again. */
  get nextTry(): number | undefined {
    const { decided } = this.#state;
    return decided === undefined ? undefined : nextTry(this.#quarantine, decided.routes);
  }

  /** Whether one in quarantine is due. */
  mayRetry(now: number): boolean {
    const { nextTry: at } = this;
    return at !== undefined && at <= now;
  }

  /** The next pass reads the kernel, because what it holds is not known. */
  get isFullNext(): boolean {
    return this.#suspicion || this.#state.applied === undefined;
  }

  /** Keys of Service ports without rules: in quarantine, or in need of what the kernel lacks. Sorted. */
  get leftOut(): readonly string[] {
    const lacks = this.#state.layout?.lacks ?? immutableMap<Lack>();
    const lacking = Array.from(entries(lacks)).filter(([, lack]) => lack === 'sctp');
    return [...this.#quarantine.keys(), ...lacking.map(([key]) => key)].sort();
  }

  /** Somebody else may have written: the next pass reads the kernel and compares everything. */
  suspect(): void {
    this.#suspicion = true;
  }

  /** Reads the kernel for the first pass, while it is not known yet what is wanted. @throws as a read does. */
  readAhead(kernel: RuleKernel, owner: Owner, now: number): Promise<void> {
    return this.#reader.readAhead(kernel, owner, now);
  }

  /** See {@link KernelReader.compare}. */
  async compare(kernel: RuleKernel): Promise<string | undefined> {
    const layout = this.#state.applied?.layout;
    return layout === undefined ? undefined : this.#reader.compare(kernel, layout);
  }

  /** Makes the kernel hold what is wanted, but for what it refuses of single Services. @throws for everything else. */
  async pass(task: PassTask): Promise<Passed> {
    const { suspicion, before } = this.#begin();
    const decided = await paced(decideRoutes(task.input, this.#state.decided));
    const held = stillQuarantined(this.#quarantine, decided.routes, task.now);
    const tries = this.#tries(task, decided);
    const found: Parameters<typeof isolate>[0]['found'] = new Map();
    try {
      await this.#program(tries, substitute(decided.routes, held), found);
    } catch (thrown) {
      tries.forget();
      throw thrown;
    } finally {
      this.#state = { ...tries.state, decided };
      this.#digest = tries.digest;
      this.#reader.sent();
      this.#quarantine = quarantined(held, found, this.#quarantine, task.now);
      if (tries.plan !== undefined && tries.plan.steps.length > 0) this.#lastPlan = shortened(tries.plan);
    }
    const { layout, applied } = tries.state;
    if (layout === undefined || applied === undefined)
      throw new Error('a pass that ended well knows no rules');
    const drift = suspicion ? driftIn(tries.plan, before, layout) : [];
    return { layout, applied, done: tries.done, full: tries.full, drift };
  }

  #tries({ features, kernel, now, signal }: PassTask, decided: Decided): Tries {
    const reader = this.#reader;
    const options = {
      family: this.#family,
      decided,
      features,
      kernel,
      signal,
      read: () => reader.read(kernel, decided.node, now),
      digest: this.#digest,
      sending: (plan: Plan) => reader.sending(plan),
    };
    return new Tries(options, this.#state);
  }

  #begin() {
    const suspicion = this.#suspicion;
    this.#suspicion = false;
    if (suspicion) this.#state = forgotten(this.#state);
    return { suspicion, before: this.#state.layout };
  }

  async #program(
    tries: Tries,
    wanted: ImmutableMap<Route>,
    found: Parameters<typeof isolate>[0]['found'],
  ): Promise<void> {
    const program = (routes: ImmutableMap<Route>) => tries.program(routes);
    try {
      await program(wanted);
      return;
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      if (refusal === undefined || !(await tries.isOutdated(refusal)))
        return this.#isolate(tries, wanted, found, thrown);
      this.#log.warn(
        { err: thrown },
        'the kernel refused a change; comparing everything, because others may have written',
      );
    }
    tries.forget();
    await program(wanted).catch((thrown: unknown) => this.#isolate(tries, wanted, found, thrown));
  }

  async #isolate(
    tries: Tries,
    wanted: ImmutableMap<Route>,
    found: Parameters<typeof isolate>[0]['found'],
    thrown: unknown,
  ): Promise<void> {
    const refusal = refusalOf(thrown);
    if (refusal === undefined) throw thrown;
    const good = await tries.goodRoutes(wanted);
    const suspects = tries.suspects(wanted, good);
    this.#log.warn({ err: refusal.error, suspects: suspects.length }, 'looking for what the kernel refuses');
    const program = (routes: ImmutableMap<Route>) => tries.program(routes);
    const { nothingInForce } = tries;
    await isolate({ wanted, good, suspects, nothingInForce, program, found }, refusal);
  }
}

/** What stood otherwise in the kernel than the layout before had it, and was not to be changed anyway. */
function driftIn(plan: Plan | undefined, before: Layout | undefined, after: Layout): readonly string[] {
  if (plan === undefined || before === undefined || !isComparable(before, after)) return [];
  const changed = new Set(Array.from(changedChains(before, after), ({ table, name }) => `${table} ${name}`));
  const names = plan.steps.map(({ table, chain }) => `${table} ${chain}`);
  return names.filter((name) => !changed.has(name));
}

/** A plan for people to look at; that of a first load would be most of the memory. */
const shownSteps = 1000;

function shortened(plan: Plan): Plan {
  if (plan.steps.length <= 50) return plan;
  const steps = plan.steps.slice(0, shownSteps).map(withoutLines);
  return { ...plan, steps };
}

function withoutLines({ verb, table, chain, service, creates, replaces, size }: Step): Step {
  return { verb, table, chain, service, creates, replaces, size, lines: () => [] };
}
