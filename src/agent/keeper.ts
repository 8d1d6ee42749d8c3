import { toError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { FamilyDebugState } from '../observe/debug-state.ts';
import type { SyncReport } from '../observe/happening.ts';
import type { Log } from '../observe/log.ts';
import { settleNode } from './apply.ts';
import { FamilyRules, type Passed } from './family-rules.ts';
import type { KeeperOptions } from './keeper-options.ts';
import type { FamilyKernel } from './node-kernel.ts';
import { ruleFindings } from './rule-findings.ts';
import { Scheduler } from './scheduler.ts';
import { failureReport, successReport } from './sync-report.ts';

/** What a sync is about, and whether it reads the kernel from its beginning on. */
type Began = Pick<SyncReport, 'snapshot' | 'full'>;

const featuresAgainMilliseconds = 300_000;

/**
 * Keeps the rules of one family equal to what is wanted: syncs when something changed, again after a failure, and again when what the kernel
 * refused may be tried once more. Knows nothing of the other family, so neither waits for the other.
 */
export class Keeper {
  readonly family: Family;
  readonly #options: KeeperOptions;
  readonly #rules: FamilyRules;
  readonly #scheduler: Scheduler;
  readonly #log: Log;
  #kernel: FamilyKernel | undefined;
  /** Under way: the kernel is read ahead of the first pass. */
  #ahead: Promise<void> | undefined;
  #openedAt = 0;
  #wanted: Snapshot | undefined;
  #programmed: Snapshot | undefined;
  #lastReport: SyncReport | undefined;
  #settled = true;
  /** Since the last sync that ended well. */
  #quarantined: readonly string[] = [];
  #cancelRetry: () => void = () => undefined;
  /** Called at the end of the next pass that begins from now on. */
  #waiting: (() => void)[] = [];

  constructor(options: KeeperOptions) {
    const { family, scheduling, clock, random } = options;
    this.family = family;
    this.#options = options;
    this.#log = options.log.child({ family });
    this.#rules = new FamilyRules(family, this.#log);
    const run = () => this.#run();
    this.#scheduler = new Scheduler({ run, ...scheduling, retryMilliseconds: 1000, clock, random });
  }

  /** Opens and reads the kernel while it is not known yet what is wanted. What fails the first sync tries again, and tells. */
  readAhead(): void {
    const { routing, clock } = this.#options;
    const owner = { family: this.family, besideKubeProxy: routing().besideKubeProxy };
    this.#ahead = this.#open()
      .then(({ iptables }) => this.#rules.readAhead(iptables, owner, clock.now()))
      .catch(() => undefined);
  }

  /** The cluster is this now. */
  want(snapshot: Snapshot): void {
    this.#wanted = snapshot;
    this.#options.observe({ kind: 'sync-queued', family: this.family });
    this.#scheduler.request();
  }

  /** Something besides the cluster is another one now: settings, or facts of the host. */
  again(): void {
    if (this.#wanted !== undefined) this.want(this.#wanted);
  }

  /** Asks the kernel again, now and then, for what it lacked: a module may have been loaded. */
  lookForFeatures(): void {
    const { layout } = this.#rules;
    const { clock } = this.#options;
    if (layout === undefined || layout.lacks.size === 0) return;
    if (clock.now() - this.#openedAt < featuresAgainMilliseconds) return;
    this.#kernel = undefined;
    this.#scheduler.request();
  }

  /** Somebody else may have written: reads the kernel and repairs. Resolves when that has been done or has failed. */
  suspect(): Promise<void> {
    if (this.#wanted === undefined || this.#options.signal.aborted) return Promise.resolve();
    this.#rules.suspect();
    const ended = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#scheduler.request();
    return ended;
  }

  /** The digest of the rules when the last sync read them and had nothing to do, and nothing was written since. */
  get digest(): string | undefined {
    return this.#rules.digest;
  }

  /**
   * Compares the kernel with what was written while syncs go on, and repairs what differs.
   * @returns the digest of the rules when nothing did.
   */
  async compare(): Promise<string | undefined> {
    // A sync that reads the kernel is under way or comes: a slow first load takes longer than until the first look.
    if (this.#rules.isFullNext) return undefined;
    const reading = this.#kernel === undefined ? undefined : this.#rules.compare(this.#kernel.iptables);
    const digest = await reading?.catch(() => undefined);
    if (digest === undefined) await this.suspect();
    return digest;
  }

  retime(scheduling: KeeperOptions['scheduling']): void {
    this.#scheduler.retime(scheduling);
  }

  debugState(): FamilyDebugState {
    const { decided, lastPlan, leftOut } = this.#rules;
    return { family: this.family, routes: decided, lastPlan, quarantined: leftOut };
  }

  /** Waits for a sync that is under way. */
  async stop(): Promise<void> {
    this.#cancelRetry();
    await Promise.all([this.#scheduler.stop(), this.#ahead]);
    this.#release(this.#waiting);
  }

  async #run(): Promise<void> {
    const snapshot = this.#wanted;
    if (snapshot === undefined) return;
    const { clock } = this.#options;
    const started = clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    const known = new Set(this.#rules.quarantine.keys());
    const began = { snapshot, full: this.#rules.isFullNext };
    try {
      const passed = await this.#pass(snapshot);
      await this.#settleNode(passed);
      this.#succeeded(began, passed, clock.now() - started);
      this.#armRetry();
    } catch (thrown) {
      // The scheduler tries again, with a backoff that only a search that got further may cut short.
      this.#cancelRetry();
      if ([...this.#rules.quarantine.keys()].some((key) => !known.has(key))) this.#scheduler.request();
      this.#failed(began, thrown, clock.now() - started);
      throw thrown;
    } finally {
      this.#tellFindings(snapshot);
      this.#release(waiting);
    }
  }

  async #pass(snapshot: Snapshot): Promise<Passed> {
    const { facts, routing, clock, signal } = this.#options;
    await this.#ahead;
    signal.throwIfAborted();
    // A module may have been loaded since the kernel refused something.
    if (this.#rules.mayRetry(clock.now())) this.#kernel = undefined;
    const { iptables, features } = this.#kernel ?? (await this.#open());
    const input = { family: this.family, snapshot, settings: routing(), host: await facts.current() };
    return this.#rules.pass({ input, features, kernel: iptables, now: clock.now(), signal });
  }

  async #open(): Promise<FamilyKernel> {
    const { open, clock } = this.#options;
    this.#kernel = await open();
    this.#openedAt = clock.now();
    return this.#kernel;
  }

  #succeeded({ snapshot, full }: Began, passed: Passed, milliseconds: number): void {
    const { observe, programmed } = this.#options;
    const partialFailed = passed.full && !full;
    const about = { family: this.family, snapshot, milliseconds, partialFailed, ...this.#standing() };
    const report = successReport(about, passed, this.#programmed);
    this.#lastReport = report;
    this.#programmed = snapshot;
    const { drift } = passed;
    if (drift.length > 0) observe({ kind: 'drift-found', family: this.family, chains: drift });
    observe({ kind: 'sync-ended', ...report });
    const { quarantined } = report;
    programmed(
      snapshot,
      this.#quarantined.some((key) => !quarantined.includes(key)),
    );
    this.#quarantined = quarantined;
  }

  #failed(began: Began, thrown: unknown, milliseconds: number): void {
    this.#kernel = undefined;
    const about = { ...began, family: this.family, milliseconds, error: toError(thrown) };
    const report = failureReport(about, this.#lastReport);
    this.#options.observe({ kind: 'sync-ended', ...report });
  }

  #standing() {
    const { decided, leftOut } = this.#rules;
    return {
      quarantined: leftOut,
      withoutLocalEndpoints: decided?.withoutLocalEndpoints ?? { internal: 0, external: 0 },
    };
  }

  /** Told once and not retried: the rules are in place, and only NodePorts on 127.0.0.1 miss the setting. */
  async #settleNode({ layout }: Passed): Promise<void> {
    try {
      await settleNode(this.#options, { layout });
      this.#settled = true;
    } catch (thrown) {
      if (this.#settled) this.#log.warn({ err: toError(thrown) }, 'NodePorts on 127.0.0.1 will not answer');
      this.#settled = false;
    }
  }

  #tellFindings(snapshot: Snapshot): void {
    const { quarantine, layout } = this.#rules;
    this.#options.tellFindings(ruleFindings(snapshot, quarantine, layout?.lacks));
  }

  #armRetry(): void {
    const { clock, signal } = this.#options;
    const at = this.#rules.nextTry;
    this.#cancelRetry();
    if (at !== undefined && !signal.aborted)
      this.#cancelRetry = clock.after(Math.max(at - clock.now(), 0) + 1, () => this.#scheduler.request());
  }

  #release(waiting: readonly (() => void)[]): void {
    for (const resolve of waiting) resolve();
  }
}
