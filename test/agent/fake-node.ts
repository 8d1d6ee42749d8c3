import { setImmediate } from 'node:timers/promises';
import type { Rooms } from '../../src/agent/rooms.ts';
import { runIn } from '../../src/agent/run.ts';
import type { ApiClient } from '../../src/cluster/api/client.ts';
import { type Config, defaultConfig } from '../../src/config/defaults.ts';
import type { ConfigUpdates } from '../../src/config/updates.ts';
import { createFakeIptables } from '../../src/kernel/fake.ts';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { Sysctls } from '../../src/kernel/sysctl.ts';
import type { Family } from '../../src/model/address.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { DebugState } from '../../src/observe/debug-state.ts';
import type { Happening, SyncReport } from '../../src/observe/happening.ts';
import { createLog } from '../../src/observe/log.ts';
import { ManualClock } from '../manual-clock.ts';
import { FaultyExec } from './faulty-exec.ts';
import { ScriptedSource } from './scripted-source.ts';

export interface FakeNodeOptions {
  readonly variant?: IptablesVariant;
  readonly families?: readonly Family[];
  readonly config?: Partial<Config>;
}

const deadlineMilliseconds = 20_000;

/** The agent on a kernel that exists in memory only, following a scripted source, with time that passes when it is told to. */
export class FakeNode {
  readonly clock = new ManualClock();
  readonly programs: FaultyExec;
  readonly source = new ScriptedSource();
  readonly happenings: Happening[] = [];
  /** Snapshots of which UDP flows were to be cleaned, with the number of restores before. */
  readonly cleaned: {
    readonly family: Family;
    readonly snapshot: Snapshot;
    readonly released: boolean;
    readonly restores: number;
  }[] = [];
  readonly conntrack: Config['conntrack'][] = [];
  readonly sysctls = new Map<string, number>();
  /** What the looking for changes by others was told. */
  readonly watching: string[] = [];
  readonly observersOpened: Config[] = [];
  readonly config: Config;
  observersStopped = 0;
  /** Why the source cannot be opened. */
  sourceError: Error | undefined;
  suspect: (family: Family) => Promise<void> = async () => undefined;
  compare: (family: Family) => Promise<string | undefined> = async () => undefined;
  debug: DebugState | undefined;
  #log = '';
  readonly #families: readonly Family[];
  readonly #ending = new AbortController();
  #updates: Parameters<ConfigUpdates['start']>[0] | undefined;
  #running: Promise<void> | undefined;

  constructor({ variant = 'nft', families = ['IPv4'], config = {} }: FakeNodeOptions = {}) {
    this.#families = families;
    const [IPv4, IPv6] = [createFakeIptables('IPv4', { variant }), createFakeIptables('IPv6', { variant })];
    this.programs = new FaultyExec({ IPv4, IPv6 });
    this.config = { ...defaultConfig, nodeName: 'node-a', iptablesVariant: variant, ...config };
  }

  get log(): string {
    return this.#log;
  }

  get reports(): readonly SyncReport[] {
    return this.happenings.filter((happening) => happening.kind === 'sync-ended');
  }

  /** Those that stand now. */
  get findings(): readonly Finding[] {
    return this.happenings.findLast((happening) => happening.kind === 'findings-stand')?.findings ?? [];
  }

  rules(family: Family = 'IPv4'): string {
    return this.programs.fakes[family].save();
  }

  start(): this {
    const updates: ConfigUpdates = {
      start: (listener) => {
        this.#updates = listener;
      },
      stop: async () => undefined,
    };
    const write = (text: string): void => {
      this.#log += text;
    };
    const log = createLog({ level: 'debug', format: 'json', colour: false, write });
    this.#running = runIn(
      this.#rooms(),
      { config: this.config, families: this.#families, source: { kind: 'api' }, updates },
      { log, signal: this.#ending.signal, onFindings: () => undefined },
    );
    this.#running.catch(() => undefined);
    return this;
  }

  /** The configuration file says this now. */
  configure(change: Partial<Config>): void {
    this.#updates?.changed({ ...this.config, ...change });
  }

  refuseConfiguration(error: Error): void {
    this.#updates?.refused(error);
  }

  /** Waits, while time stands still. */
  async until(done: () => boolean): Promise<void> {
    const deadline = performance.now() + deadlineMilliseconds;
    while (!done()) {
      if (performance.now() > deadline) throw new Error(`did not happen in time\n${this.#log.slice(-5000)}`);
      await setImmediate();
    }
  }

  /** Waits for so many syncs in all, of both families together. */
  async synced(count: number): Promise<void> {
    await this.until(() => this.reports.length >= count);
  }

  /** Lets time pass, and what it sets off come to rest. */
  async pass(milliseconds: number): Promise<void> {
    const settled = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn++) await setImmediate();
    };
    await settled();
    await this.clock.pass(milliseconds, settled);
  }

  /** Resolves when the agent has ended, and rejects with what it ended with. */
  ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#ending.abort('SIGTERM');
    await this.#running;
  }

  #rooms(): Rooms {
    const sysctls: Sysctls = {
      read: async (name) => this.sysctls.get(name),
      set: async (name, value) => this.sysctls.set(name, value).has(name),
      raise: async (name, value) => this.sysctls.set(name, value).has(name),
    };
    return {
      exec: this.programs.exec,
      sysctls,
      clock: this.clock,
      random: () => 0,
      supportedFamilies: async () => this.#families,
      openSource: async () => {
        if (this.sourceError !== undefined) throw this.sourceError;
        return { source: this.source, client: undefined satisfies ApiClient | undefined };
      },
      createObservers: () => ({
        observe: (happening: Happening): void => void this.happenings.push(happening),
        open: async ({ config, debug }) => {
          this.observersOpened.push(config);
          this.debug = debug;
        },
        leave: async () => undefined,
        stop: async () => {
          this.observersStopped += 1;
        },
      }),
      createFlowCleaner: () => ({
        programmed: (family, snapshot, released = false) => {
          const restores = this.programs.restores[family].length;
          this.cleaned.push({ family, snapshot, released, restores });
        },
        stop: async () => undefined,
      }),
      createDriftWatch: ({ verify, compare }) => {
        this.suspect = verify;
        this.compare = compare;
        const note = (what: string) => () => void this.watching.push(what);
        return { watched: (iptables) => iptables, start: note('start'), stop: note('stop') };
      },
      applyConntrackSettings: async (settings) => {
        this.conntrack.push(settings);
        return [];
      },
      setOomScore: async () => undefined,
    };
  }
}
