import { once } from 'node:events';
import type { Config } from '../config/defaults.ts';
import type { Family } from '../model/address.ts';
import { differences } from '../model/immutable-map.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import type { Observer } from '../observe/happening.ts';
import { createNarrator } from '../observe/narrate.ts';
import { createFindings, type Findings } from './findings.ts';
import { type Keepers, openKeepers } from './keepers.ts';
import type { LiveConfig } from './live-config.ts';
import type { Observers } from './observers.ts';
import type { OpenedSource } from './open-source.ts';
import type { Context, SourceOptions } from './options.ts';
import type { Rooms } from './rooms.ts';

/** What one session is opened with. */
export interface SessionOptions {
  readonly rooms: Rooms;
  readonly options: SourceOptions;
  readonly context: Context;
  readonly live: LiveConfig;
  readonly families: readonly Family[];
  /** Aborted: end soon; the rules stay. */
  readonly end: AbortSignal;
}

/**
 * The agent with one configuration, from opening to closing: observers, one keeper a family, the source. No rule is written before the
 * source has told everything once.
 * @throws NodeplaneError when the source or an observer cannot be opened. What was opened is closed again in any case.
 */
export async function session(given: SessionOptions): Promise<void> {
  const opened = new Opened(given);
  try {
    await opened.open();
    await opened.follow();
  } finally {
    await opened.close();
  }
}

/** A `syncPeriod` of nanoseconds is valid to kube-proxy too. */
const leastTick = 1000;

class Opened {
  readonly #given: SessionOptions;
  readonly #config: Config;
  readonly #findings: Findings;
  readonly #narrate: Observer;
  #snapshot: Snapshot | undefined;
  #observers: Observers | undefined;
  #keepers: Keepers | undefined;
  #source: OpenedSource | undefined;
  #cancelTick: () => void = () => undefined;

  constructor(given: SessionOptions) {
    this.#given = given;
    this.#config = given.live.current;
    this.#narrate = createNarrator(given.context.log, () => given.rooms.clock.now());
    this.#findings = createFindings((findings) => {
      this.#observe({ kind: 'findings-stand', findings });
      given.context.onFindings(findings);
    });
  }

  async open(): Promise<void> {
    const { rooms, options, context, live, families } = this.#given;
    const { log } = context;
    const config = this.#config;
    const observe = this.#observe;
    this.#source = await rooms.openSource({ ...options, config }, true, (event) =>
      observe({ kind: 'source', event }),
    );
    const { client } = this.#source;
    const debug = {
      snapshot: () => this.#snapshot,
      families: () => this.#keepers?.debugStates() ?? [],
    };
    const current = (): Config => live.current;
    const narrate = this.#narrate;
    const about = { config, current, families, log, narrate, debug, client };
    this.#observers = await rooms.startObservers(about);
    const tellFindings: Findings['tell'] = (teller, findings) => this.#findings.tell(teller, findings);
    this.#keepers = openKeepers({ rooms, live, families, log, observe, tellFindings });
    live.onRefused((error) => observe({ kind: 'config-refused', error }));
    live.onChange((changed) => this.#keepers?.changed(changed));
  }

  /** Until the end. */
  async follow(): Promise<void> {
    const { end } = this.#given;
    const ended = end.aborted ? Promise.resolve() : once(end, 'abort');
    const started = this.#source?.source.start({
      snapshot: (snapshot) => this.#heard(snapshot),
      findings: (findings) => this.#findings.tell('source', findings),
    });
    this.#tick();
    // The first list may take as long as the API server is away.
    await Promise.race([ended, started]);
    await ended;
  }

  /** In order: nothing new is heard, what is under way is finished, last who tells of it. */
  async close(): Promise<void> {
    this.#cancelTick();
    await this.#source?.source.stop();
    await this.#keepers?.stop();
    await this.#observers?.stop();
    this.#source?.client?.close();
  }

  readonly #observe: Observer = (happening) => {
    this.#narrate(happening);
    this.#observers?.observe(happening);
  };

  #heard(snapshot: Snapshot): void {
    const before = this.#snapshot ?? emptySnapshot(snapshot.nodeName);
    this.#snapshot = snapshot;
    const services = count(differences(before.services, snapshot.services));
    const slices = count(differences(before.slices, snapshot.slices));
    this.#observe({ kind: 'snapshot-heard', snapshot, services, slices });
    this.#keepers?.want(snapshot);
  }

  /** What nobody tells us of is looked at now and then. */
  #tick(): void {
    const { rooms, live } = this.#given;
    const period = Math.max(live.current.sync.syncPeriodMilliseconds, leastTick);
    this.#cancelTick = rooms.clock.after(period, () => {
      void this.#keepers?.look();
      this.#tick();
    });
  }
}

function count(things: Iterable<unknown>): number {
  let number = 0;
  for (const _ of things) number += 1;
  return number;
}
