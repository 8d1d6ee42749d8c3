import { type Clock, systemClock } from '../clock.ts';
import { NodeplaneError } from '../errors.ts';
import type { Exec } from '../kernel/exec.ts';
import type { Family } from '../model/address.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Observer } from '../observe/happening.ts';
import type { Log } from '../observe/log.ts';
import {
  both,
  isNothing,
  nothingToLookAt,
  type UdpFrontends,
  type UdpLook,
  udpFrontends,
  whereToLook,
} from '../routing/udp-flows.ts';
import { Scheduler } from './scheduler.ts';
import { removeStaleFlows } from './stale-flows.ts';

/** Removes entries of connection tracking that keep UDP clients at endpoints that are gone. */
export interface FlowCleaner {
  /**
   * The kernel holds the rules of this snapshot now: never call it before, or packets make new entries by old rules. Returns at once; what
   * has become stale goes in the background, one run at a time for each family.
   * @param released rules came into force that the kernel had refused before, when their snapshot was told.
   */
  programmed(family: Family, snapshot: Snapshot, released?: boolean): void;
  /** Ends what is under way and starts nothing more. */
  stop(): Promise<void>;
}

export interface FlowCleanerOptions {
  readonly exec: Exec;
  readonly observe: Observer;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export function createFlowCleaner(options: FlowCleanerOptions): FlowCleaner {
  const abort = new AbortController();
  const told = new Set<string>();
  const warn = (family: Family, error: Error): void => {
    // A missing program is one thing for both families; other failures are told once each.
    if (told.has(error.message)) return;
    told.add(error.message);
    options.log.warn({ family, err: error }, 'stale UDP entries of connection tracking stay');
  };
  const cleaners = new Map<Family, FamilyCleaner>();
  return {
    programmed(family, snapshot, released = false) {
      const known = cleaners.get(family) ?? new FamilyCleaner(family, options, abort.signal, warn);
      cleaners.set(family, known);
      known.programmed(snapshot, released);
    },
    async stop() {
      abort.abort();
      await Promise.all(Array.from(cleaners.values(), (cleaner) => cleaner.stop()));
    },
  };
}

/** A run that takes longer gives way to changes that came meanwhile: each call reads the whole table, and theirs may matter more. */
const longRunMilliseconds = 5000;

/** More places than this are not remembered while nothing can be removed: then everything is looked at that there is. */
const mostPlaces = 20_000;

class FamilyCleaner {
  readonly #family: Family;
  readonly #options: FlowCleanerOptions;
  readonly #abort: AbortSignal;
  readonly #warn: (family: Family, error: Error) => void;
  readonly #scheduler: Scheduler;
  /** Whose rules are in force. */
  #latest: Snapshot | undefined;
  /** Where to look still. */
  #look: UdpLook = nothingToLookAt;
  /** Look at all there is instead. */
  #everywhere = false;

  constructor(
    family: Family,
    options: FlowCleanerOptions,
    abort: AbortSignal,
    warn: (family: Family, error: Error) => void,
  ) {
    this.#family = family;
    this.#options = options;
    this.#abort = abort;
    this.#warn = warn;
    this.#scheduler = new Scheduler({
      run: () => this.#run(),
      // A run reads the whole table: under steady change it shall not take a core.
      minPeriodMilliseconds: 1000,
      retryMilliseconds: 2000,
      retryMaximum: 60_000,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    });
  }

  programmed(snapshot: Snapshot, released: boolean): void {
    const look = whereToLook(released ? undefined : this.#latest, snapshot, this.#family);
    this.#latest = snapshot;
    if (isNothing(look)) return;
    this.#look = both(this.#look, look);
    this.#scheduler.request();
  }

  stop(): Promise<void> {
    return this.#scheduler.stop();
  }

  /** Rejects when something stays that should go, so that the scheduler tries again. */
  async #run(): Promise<void> {
    const snapshot = this.#latest;
    if (snapshot === undefined) return;
    const look = this.#takeLook(snapshot);
    const clock = this.#options.clock ?? systemClock;
    const began = clock.now();
    const isLong = () => clock.now() - began > longRunMilliseconds;
    const { entries, complete, failure } = await removeStaleFlows({
      exec: this.#options.exec,
      family: this.#family,
      frontends: this.#frontends(look, snapshot),
      mayGoOn: () => !this.#abort.aborted && (isNothing(this.#look) || !isLong()),
      abort: this.#abort,
    });
    if (this.#abort.aborted) return;
    const milliseconds = clock.now() - began;
    if (entries > 0 || !isMissing(failure))
      this.#options.observe({ kind: 'flows-removed', family: this.#family, entries, milliseconds });
    if (failure !== undefined) this.#failed(failure, look);
    else if (!complete) this.#look = both(look, this.#look);
  }

  #takeLook(snapshot: Snapshot): UdpLook {
    const look = this.#everywhere ? whereToLook(undefined, snapshot, this.#family) : this.#look;
    this.#look = nothingToLookAt;
    this.#everywhere = false;
    return look;
  }

  /** Who serves at these places by the newest rules, worked out once for each snapshot. */
  #frontends(look: UdpLook, first: Snapshot): () => UdpFrontends {
    let snapshot = first;
    let frontends = udpFrontends(look, first, this.#family);
    return () => {
      if (this.#latest !== undefined && this.#latest !== snapshot) {
        snapshot = this.#latest;
        frontends = udpFrontends(look, snapshot, this.#family);
      }
      return frontends;
    };
  }

  #failed(failure: Error, look: UdpLook): void {
    this.#warn(this.#family, failure);
    // A program that is not there will not come by trying: the next change does, and finds what is stale by then.
    if (isMissing(failure)) {
      this.#lookEverywhere();
      return;
    }
    this.#look = both(look, this.#look);
    if (this.#look.places.size > mostPlaces) this.#lookEverywhere();
    throw failure;
  }

  #lookEverywhere(): void {
    this.#look = nothingToLookAt;
    this.#everywhere = true;
  }
}

function isMissing(error: Error | undefined): boolean {
  return error instanceof NodeplaneError && error.code === 'NP-KERNEL-001';
}
