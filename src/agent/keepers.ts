import type { Config } from '../config/defaults.ts';
import { toError } from '../errors.ts';
import type { Exec } from '../kernel/exec.ts';
import type { Family } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { FamilyDebugState } from '../observe/debug-state.ts';
import type { Observer } from '../observe/happening.ts';
import type { Log } from '../observe/log.ts';
import { chainNames } from '../rules/iptables/names.ts';
import type { DriftWatch } from './drift/watch.ts';
import type { FlowCleaner } from './flows.ts';
import { type HeldFacts, holdFacts, hostFacts } from './host-facts.ts';
import { Keeper } from './keeper.ts';
import type { LiveConfig } from './live-config.ts';
import { createKernelDoor, type FamilyKernel, type KernelDoor } from './node-kernel.ts';
import { observedExec } from './observed-exec.ts';
import type { Rooms } from './rooms.ts';

/** One keeper a family, with what they share. */
export interface Keepers {
  want(snapshot: Snapshot): void;
  /** Settings that hold from the next sync on. */
  changed(config: Config): void;
  /** Looks at what nobody tells of: addresses of the host, sysctls, modules of the kernel. */
  look(): Promise<void>;
  debugStates(): readonly FamilyDebugState[];
  /** Programs that are still writing some seconds later are ended. */
  stop(): Promise<void>;
}

export interface KeepersOptions {
  readonly rooms: Rooms;
  readonly live: LiveConfig;
  readonly families: readonly Family[];
  readonly log: Log;
  readonly observe: Observer;
  readonly tellFindings: (family: Family, findings: readonly Finding[]) => void;
}

/** A restore under way at the end is let finish for so long. */
const graceMilliseconds = 5000;
/** Both families of iptables-legacy share a lock, and others use it: a first load holds it for seconds. */
const lockSeconds = 30;

export function openKeepers(options: KeepersOptions): Keepers {
  const { rooms, live, log, families } = options;
  const { clock } = rooms;
  const stopping = new AbortController();
  const cut = new AbortController();
  const exec = observedExec(rooms.exec, options.observe, cut.signal);
  const facts = holdFacts(
    () => live.current.routing,
    (settings) => hostFacts(settings, exec, rooms.sysctls),
  );
  const flows = rooms.createFlowCleaner({ exec, observe: options.observe, log });
  const watch = driftWatching(options, (family) => keepers.find((each) => each.family === family));
  const keeperOf = keeperMaker(options, { exec, facts, flows, watch, signal: stopping.signal });
  const keepers = families.map(keeperOf);
  void settleHost(rooms, live.current, log);
  for (const keeper of keepers) keeper.readAhead();
  return {
    want: (snapshot) => {
      for (const keeper of keepers) keeper.want(snapshot);
    },
    changed: (config) => {
      for (const keeper of keepers) keeper.retime(schedulingOf(config));
      void settleHost(rooms, config, log).then(() => look(facts, keepers, log, true));
    },
    look: async () => {
      for (const keeper of keepers) keeper.lookForFeatures();
      await look(facts, keepers, log, false);
    },
    debugStates: () => keepers.map((keeper) => keeper.debugState()),
    stop: async () => {
      stopping.abort();
      watch.stop();
      const cancel = clock.after(graceMilliseconds, () => cut.abort());
      await Promise.all([...keepers.map((keeper) => keeper.stop()), flows.stop()]);
      cancel();
      // Who only looks at the rules is not waited for.
      cut.abort();
    },
  };
}

interface Shared {
  readonly exec: Exec;
  readonly facts: HeldFacts;
  readonly flows: FlowCleaner;
  readonly watch: DriftWatching;
  readonly signal: AbortSignal;
}

function keeperMaker(options: KeepersOptions, shared: Shared): (family: Family) => Keeper {
  const { rooms, live, log, observe, tellFindings } = options;
  const { exec, facts, flows, watch, signal } = shared;
  const { sysctls, clock, random } = rooms;
  const shares = { sysctls, facts, clock, random, signal, log, observe };
  const variant = live.current.iptablesVariant;
  const open = opener(createKernelDoor({ exec, variant, mayChange: true, lockSeconds }), watch.watched, log);
  return (family) =>
    new Keeper({
      ...shares,
      family,
      open: () => open(family),
      routing: () => live.current.routing,
      scheduling: schedulingOf(live.current),
      tellFindings: (findings) => tellFindings(family, findings),
      programmed: (snapshot, released) => {
        flows.programmed(family, snapshot, released);
        watch.start();
      },
    });
}

/** Opens a family; the log is told once which variant it is. */
function opener(door: KernelDoor, watched: DriftWatching['watched'], log: Log) {
  let told = false;
  return async (family: Family): Promise<FamilyKernel> => {
    const { variant, reason } = await door.variant();
    if (!told) log.info({ variant, reason }, 'chose the iptables variant');
    told = true;
    const kernel = await door.open(family);
    log.debug({ family, ...kernel.features }, 'asked what the programs and the kernel can do');
    return { ...kernel, iptables: watched(kernel.iptables) };
  };
}

function schedulingOf({ sync }: Config) {
  return {
    minPeriodMilliseconds: sync.minSyncPeriodMilliseconds,
    retryMaximum: sync.syncPeriodMilliseconds,
  };
}

/** Settings of the kernel and of this process; what is refused is told and stays as it is. */
async function settleHost(rooms: Rooms, config: Config, log: Log): Promise<void> {
  await rooms.setOomScore(config.oomScoreAdj, log);
  const refused = await rooms
    .applyConntrackSettings(config.conntrack)
    .catch((thrown: unknown) => [toError(thrown)]);
  for (const err of refused) log.warn({ err }, 'a setting of connection tracking could not be changed');
}

/** Reads the host's facts again; a sync is asked for when they differ, or in any case. */
async function look(facts: HeldFacts, keepers: readonly Keeper[], log: Log, always: boolean): Promise<void> {
  const differ = await facts.refresh().catch((thrown: unknown) => {
    log.debug({ err: toError(thrown) }, 'the addresses of this host could not be read');
    return false;
  });
  if (differ || always) for (const keeper of keepers) keeper.again();
}

interface DriftWatching {
  readonly watched: DriftWatch['watched'];
  /** Looking begins, once there are rules. */
  start(): void;
  stop(): void;
}

/** The watch is made when it is known which programs there are to be watched. */
function driftWatching(
  { rooms, live, families, log }: KeepersOptions,
  keeperOf: (family: Family) => Keeper | undefined,
): DriftWatching {
  let watch: DriftWatch | undefined;
  let started = false;
  return {
    watched: (iptables) => {
      const { programs } = iptables;
      const names = chainNames(live.current.routing);
      const verify = async (family: Family) => keeperOf(family)?.suspect();
      const compare = async (family: Family) => keeperOf(family)?.compare();
      const digestOf = (family: Family) => keeperOf(family)?.digest;
      const { clock } = rooms;
      const asked = { verify, compare, digestOf };
      watch ??= rooms.createDriftWatch({ programs, names, families, clock, log, ...asked });
      return watch.watched(iptables);
    },
    start: () => {
      if (!started) watch?.start();
      started = true;
    },
    stop: () => {
      // A first sync that is under way ends after that, and must not begin it.
      started = true;
      watch?.stop();
    },
  };
}
