import type { Family } from '../model/address.ts';
import { get, type ImmutableMap, immutableMap } from '../model/immutable-map.ts';
import type { Route } from '../routing/route.ts';
import type { Decided } from '../routing/routes.ts';
import { describeChange } from '../rules/describe-change.ts';
import { readRoutes } from '../rules/iptables/compare/read-routes.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import { chainNames } from '../rules/iptables/names.ts';
import type { TableName } from '../rules/iptables/objects.ts';
import { parseInSteps } from '../rules/iptables/parse/parse.ts';
import { tableNamed } from '../rules/iptables/plan/applied.ts';
import type { Cost, Plan } from '../rules/plan.ts';
import { paced } from './pace.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { type FamilyState, forgotten, known, prepare, type Reading, type RuleKernel, send } from './sync.ts';

export interface TriesOptions {
  readonly family: Family;
  readonly decided: Decided;
  readonly features: IptablesFeatures;
  readonly kernel: RuleKernel;
  readonly signal: AbortSignal;
  /** Reads the kernel. */
  readonly read: () => Promise<Reading>;
  /** See {@link Tries.digest}. */
  readonly digest: string | undefined;
  /** Hears of each plan before it is applied. */
  readonly sending: (plan: Plan) => void;
}

/** The restores of one pass: mostly one, or none. Keeps what is known of the kernel true, whatever becomes of each. */
export class Tries {
  readonly #options: TriesOptions;
  #state: FamilyState;
  #cost: Cost = { steps: 0, lines: 0, bytes: 0 };
  readonly #written: Record<TableName, number> = { mangle: 0, filter: 0, nat: 0 };
  #plan: Plan | undefined;
  /** What the kernel was read as. */
  #reading: Pick<Reading, 'digest' | 'ahead'> | undefined;
  #digest: string | undefined;
  #nothingInForce = false;

  constructor(options: TriesOptions, state: FamilyState) {
    this.#options = options;
    this.#digest = options.digest;
    this.#state = state;
  }

  get state(): FamilyState {
    return this.#state;
  }

  /** What was applied, all restores together. */
  get done(): { readonly cost: Cost; readonly written: Readonly<Record<TableName, number>> } {
    return { cost: this.#cost, written: this.#written };
  }

  /** Whether the kernel was read. */
  get full(): boolean {
    return this.#reading !== undefined;
  }

  /** The digest of the rules when they were read last; undefined once something was written. */
  get digest(): string | undefined {
    return this.#digest;
  }

  /** There were no Services in the kernel when it was read, and nothing has been programmed since. */
  get nothingInForce(): boolean {
    return this.#nothingInForce;
  }

  /** The last plan, applied or refused. */
  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** What is known of the kernel may be wrong: the next one reads it. */
  forget(): void {
    this.#state = forgotten(this.#state);
  }

  /** Turns what is applied into these Routes. @throws what a restore or save throws. */
  async program(routes: ImmutableMap<Route>): Promise<void> {
    const { decided, features, kernel, signal } = this.#options;
    signal.throwIfAborted();
    const state = await known(this.#state, () => this.#read());
    const prepared = await prepare(decided, { node: decided.node, routes }, features, state);
    this.#plan = prepared.plan;
    if (prepared.plan.steps.length > 0) this.#announce(prepared.plan);
    try {
      await send(prepared.plan, kernel);
    } catch (thrown) {
      this.#state = refusalOf(thrown)?.untouched === true ? state : forgotten(state);
      throw thrown;
    }
    this.#state = prepared.next;
    this.#nothingInForce = false;
    this.#count(prepared.plan);
  }

  /**
   * Whether a refusal may be for want of a true picture of the kernel: a plan that builds on a chain that somebody else has deleted since is
   * refused, and no Service is to blame.
   */
  async isOutdated({ untouched }: Refusal): Promise<boolean> {
    const { read } = this.#options;
    const reading = this.#reading;
    if (reading === undefined) return true;
    // Of what was applied in part the digest is another one anyway.
    return untouched ? (await read()).digest !== reading.digest : reading.ahead;
  }

  /** Service ports of the last plan whose Route is not the one in `good`: who may be to blame for a refusal. */
  suspects(wanted: ImmutableMap<Route>, good: ImmutableMap<Route>): readonly string[] {
    const keys = new Set<string>();
    for (const step of this.#plan?.steps ?? []) {
      if (step.service !== undefined) keys.add(step.service);
      else for (const { service } of step.lines()) if (service !== undefined) keys.add(service);
    }
    return [...keys].filter((key) => get(wanted, key) !== undefined && get(wanted, key) !== get(good, key));
  }

  /**
   * The Routes that are in force or were last. At the start nothing of that is known but the rules themselves, so they are read as Routes: a
   * Service that worked when the agent was restarted goes on working. A Route that says the same as the wanted one is that one.
   */
  async goodRoutes(wanted: ImmutableMap<Route>): Promise<ImmutableMap<Route>> {
    const { layout } = this.#state;
    if (layout !== undefined) return layout.asked.routes;
    const { kernel, family, decided } = this.#options;
    const { ruleSet } = await paced(parseInSteps(await kernel.save(), family));
    const { localPods } = decided.node;
    return immutableMap(
      Array.from(readRoutes(ruleSet, family, chainNames(decided.node)).routes, ([key, read]) => {
        const route = get(wanted, key);
        const same = route !== undefined && describeChange(read, { route, localPods }) === undefined;
        return [key, same ? route : read.route] as const;
      }),
    );
  }

  async #read(): Promise<Reading> {
    const reading = await this.#options.read();
    this.#reading = { digest: reading.digest, ahead: reading.ahead };
    this.#digest = reading.digest;
    this.#nothingInForce = reading.applied.rules.nat === 0;
    return reading;
  }

  #announce(plan: Plan): void {
    this.#digest = undefined;
    this.#options.sending(plan);
  }

  #count({ steps, cost }: Plan): void {
    const before = this.#cost;
    this.#cost = {
      steps: before.steps + cost.steps,
      lines: before.lines + cost.lines,
      bytes: before.bytes + cost.bytes,
    };
    for (const { table, size } of steps) this.#written[tableNamed(table)] += size.lines;
  }
}
