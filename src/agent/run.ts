import { once } from 'node:events';
import { toError } from '../errors.ts';
import { exec } from '../kernel/exec.ts';
import type { Finding } from '../model/finding.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Log } from '../observe/log.ts';
import { reportOf, settleNode } from './apply.ts';
import { type FamilyKernel, type NodeKernel, openKernel } from './node-kernel.ts';
import { openSource } from './open-source.ts';
import type { Context, SourceOptions } from './options.ts';
import { Scheduler, systemClock } from './scheduler.ts';
import { type FamilyState, forgotten, freshState, type Prepared, sync } from './sync.ts';

/**
 * The agent: follows the source and keeps the kernel equal to it until the signal is aborted. No rule is written before the source
 * has told everything once; rules stay when it ends. A family that fails is tried again and does not keep the other one.
 */
export async function run(options: SourceOptions, context: Context): Promise<void> {
  const { config, families } = options;
  const { log, signal } = context;
  const variant = config.iptablesVariant;
  const kernel = await openKernel({ exec, variant, families, mayChange: true });
  log.info({ variant: kernel.variant.variant, reason: kernel.variant.reason }, 'chose the iptables variant');

  for (const { family, lacking } of kernel.families) {
    if (lacking.length > 0)
      log.warn({ family, lacking }, 'the kernel will refuse rules of Services that need these');
  }

  let latest: Snapshot | undefined;
  const keepers = kernel.families.map((family) => new Keeper(family, kernel, options, log));
  const scheduler = new Scheduler({
    run: async () => {
      if (latest !== undefined) await syncAll(keepers, latest, signal);
    },
    minPeriodMilliseconds: config.sync.minSyncPeriodMilliseconds ?? 1000,
    retryMilliseconds: 1000,
    retryMaximum: config.sync.syncPeriodMilliseconds,
    clock: systemClock,
    random: Math.random,
  });
  const source = await openSource(options, true);
  await source.start({
    snapshot: (snapshot) => {
      latest = snapshot;
      scheduler.request();
    },
    findings: findingsLogger(log, context),
  });
  if (!signal.aborted) await once(signal, 'abort');
  await source.stop();
  await scheduler.stop();
  log.info({}, 'ended; the rules stay');
}

/** One family and what is remembered of it. */
class Keeper {
  readonly #family: FamilyKernel;
  readonly #kernel: NodeKernel;
  readonly #options: SourceOptions;
  readonly #log: Log;
  #state: FamilyState = freshState;
  #unsettled = false;

  constructor(family: FamilyKernel, kernel: NodeKernel, options: SourceOptions, log: Log) {
    this.#family = family;
    this.#kernel = kernel;
    this.#options = options;
    this.#log = log.child({ family: family.family });
  }

  /** One pass; rejects after it has told the log. */
  async sync(snapshot: Snapshot): Promise<void> {
    const started = performance.now();
    const { family, features, iptables } = this.#family;
    try {
      const settings = this.#options.config.routing;
      const input = { family, snapshot, settings, host: await this.#kernel.facts(settings) };
      const done = await sync(input, features, iptables, this.#state);
      this.#state = done.next;
      await this.#settle(done);
      const { family: _, ...report } = reportOf(done, Math.round(performance.now() - started));
      if (report.steps > 0) this.#log.info(report, 'synced');
    } catch (thrown) {
      this.#state = forgotten(this.#state);
      this.#log.error({ err: toError(thrown) }, 'the sync failed and will be tried again');
      throw thrown;
    }
  }

  /** Told and not retried: the rules are in place, and only NodePorts on 127.0.0.1 miss the setting. */
  async #settle(done: Prepared): Promise<void> {
    try {
      await settleNode(this.#kernel, done);
    } catch (thrown) {
      if (!this.#unsettled)
        this.#log.warn({ err: toError(thrown) }, 'NodePorts on 127.0.0.1 will not answer');
      this.#unsettled = true;
    }
  }
}

/** One after the other: both families of iptables-legacy share a lock. A family that fails does not keep the next one. */
async function syncAll(keepers: readonly Keeper[], snapshot: Snapshot, signal: AbortSignal): Promise<void> {
  const failures: Error[] = [];
  for (const keeper of keepers) {
    if (signal.aborted) return;
    await keeper.sync(snapshot).catch((thrown: unknown) => failures.push(toError(thrown)));
  }
  const [failure] = failures;
  if (failure !== undefined) throw failure;
}

/** Tells each finding once, when it comes up. */
function findingsLogger(log: Log, context: Context): (findings: readonly Finding[]) => void {
  let told: ReadonlySet<string> = new Set();
  return (findings) => {
    context.onFindings(findings);
    const texts = findings.map((finding) => JSON.stringify(finding));
    for (const [index, finding] of findings.entries()) {
      if (!told.has(texts[index] ?? '')) log.warn(finding, 'an object is not as it should be');
    }
    told = new Set(texts);
  };
}
