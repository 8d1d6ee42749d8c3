import { once } from 'node:events';
import type { Config } from '../config/defaults.ts';
import type { Family } from '../model/address.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Findings } from './findings.ts';
import { type Keepers, openKeepers } from './keepers.ts';
import type { LiveConfig } from './live-config.ts';
import type { OpenedSource } from './open-source.ts';
import type { Context, SourceOptions } from './options.ts';
import type { Rooms } from './rooms.ts';
import type { Telling } from './telling.ts';

/** What one session is opened with. */
export interface SessionOptions {
  readonly rooms: Rooms;
  readonly options: SourceOptions;
  readonly context: Context;
  readonly live: LiveConfig;
  readonly telling: Telling;
  readonly families: readonly Family[];
  /** Aborted: end soon; the rules stay. */
  readonly end: AbortSignal;
}

/**
 * The agent with one configuration, from opening to closing: what is served, one keeper a family, the source. No rule is written before the
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
  #snapshot: Snapshot | undefined;
  #keepers: Keepers | undefined;
  #source: OpenedSource | undefined;
  #cancelTick: () => void = () => undefined;

  constructor(given: SessionOptions) {
    this.#given = given;
    this.#config = given.live.current;
  }

  async open(): Promise<void> {
    const { rooms, options, context, live, families, telling } = this.#given;
    const { observe, findings, observers } = telling;
    const config = this.#config;
    this.#source = await rooms.openSource({ ...options, config }, true, (event) =>
      observe({ kind: 'source', event }),
    );
    const debug = {
      snapshot: () => this.#snapshot,
      families: () => this.#keepers?.debugStates() ?? [],
    };
    await observers.open({ config, client: this.#source.client, debug });
    const tellFindings: Findings['tell'] = (teller, found) => findings.tell(teller, found);
    this.#keepers = openKeepers({ rooms, live, families, log: context.log, observe, tellFindings });
    live.onChange((changed) => this.#keepers?.changed(changed));
  }

  /** Until the end. */
  async follow(): Promise<void> {
    const { end, telling } = this.#given;
    const ended = end.aborted ? Promise.resolve() : once(end, 'abort');
    const started = this.#source?.source.start({
      snapshot: (snapshot) => this.#heard(snapshot),
      findings: (findings) => telling.findings.tell('source', findings),
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
    await this.#given.telling.observers.leave();
    this.#source?.client?.close();
  }

  #heard(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#given.telling.heard(snapshot);
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
