import type { ApiClient } from '../cluster/api/client.ts';
import type { Config } from '../config/defaults.ts';
import { toError } from '../errors.ts';
import { readConntrackFill } from '../kernel/conntrack-settings.ts';
import type { Exec } from '../kernel/exec.ts';
import { readCounters } from '../kernel/nfacct-read.ts';
import type { Sysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import type { Node } from '../model/node.ts';
import type { Clock } from '../observe/clock.ts';
import { systemClock } from '../observe/clock.ts';
import type { DebugState } from '../observe/debug-state.ts';
import { createEventRecorder } from '../observe/events.ts';
import type { Happening, Observer } from '../observe/happening.ts';
import { createHealth, type Health } from '../observe/health.ts';
import { HealthCheckNodePorts } from '../observe/health-check-node-ports.ts';
import type { Log } from '../observe/log.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { buildInfo } from './build-info.ts';
import { healthCheckAddresses } from './health-check-addresses.ts';
import { createServers } from './servers.ts';

/** What tells of the agent as long as the process lives: metrics, health, Events. */
export interface Observers {
  readonly observe: Observer;
  /**
   * Serves and writes Events as the configuration says, in place of what was so before. A server whose address stays goes on, and so do all counters
   * and the health-check node ports.
   * @throws NodeplaneError `NP-SERVE-001` with `serving.hardFail`, when an address cannot be listened at.
   */
  open(opening: Opening): Promise<void>;
  /** The client is about to be closed: what waits to be told is told, for two seconds at most. All else goes on. */
  leave(): Promise<void>;
  /** Frees all ports. */
  stop(): Promise<void>;
}

/** What may change while the process lives. */
export interface Opening {
  readonly config: Config;
  readonly debug: DebugState;
  /** Undefined when the objects come from manifests. */
  readonly client: ApiClient | undefined;
}

export interface ObserversOptions {
  /** As it is now: what may change without being opened again. */
  readonly current: () => Config;
  readonly families: readonly Family[];
  /** There is to be a Node object for this machine; a manifests directory may do without. */
  readonly needsNode: boolean;
  readonly log: Log;
  /** Hears of what the observers themselves meet; what comes through {@link Observers.observe} it has heard already. */
  readonly narrate: Observer;
}

/** The machine that the observers look at. */
export interface ObserversHost {
  readonly exec: Exec;
  readonly sysctls: Sysctls;
  readonly random: () => number;
  readonly clock?: Clock;
}

/** All that tells of the agent; nothing is served before {@link Observers.open}. */
export function createObservers(options: ObserversOptions, host: ObserversHost): Observers {
  const { log, narrate, current } = options;
  const clock = host.clock ?? systemClock;
  const tell: Observer = (happening) => {
    narrate(happening);
    observe(happening);
  };
  let debug: DebugState = nothingYet;
  let events = createEventRecorder({ ...recording(current(), log, host), client: undefined, clock });
  const metrics = openMetrics(options, host);
  const health = openHealth(options, clock);
  const nodePorts = openNodePorts(options, { health, tell, clock });
  const written: Observer = (happening) => events.observe(happening);
  const observe = oneByOne({ metrics, health, nodePorts, events: { observe: written } }, log);
  const shown = { snapshot: () => debug.snapshot(), families: () => debug.families() };
  const servers = createServers({ ...options, metrics, health, tell, debug: shown, clock });
  return {
    observe,
    open: async ({ config, client, debug: fresh }) => {
      debug = fresh;
      await events.stop();
      const wanted = config.events ? client : undefined;
      events = createEventRecorder({ ...recording(config, log, host), client: wanted, clock });
      await servers.open(config.serving);
    },
    leave: () => events.stop(),
    stop: async () => {
      await Promise.all([servers, nodePorts, events].map((each) => each.stop()));
      metrics.stop();
    },
  };
}

const nothingYet: DebugState = { snapshot: () => undefined, families: () => [] };

function recording({ nodeName }: Config, log: Log, { random }: ObserversHost) {
  return { nodeName, version: buildInfo.version, log, random };
}

function openMetrics({ families }: ObserversOptions, { exec, sysctls }: ObserversHost): Metrics {
  return createMetrics({
    families,
    build: buildInfo,
    readNfacct: () => readCounters(exec),
    readConntrackFill: () => readConntrackFill(sysctls),
  });
}

function openHealth({ families, needsNode, current }: ObserversOptions, clock: Clock): Health {
  const syncPeriodMilliseconds = () => current().sync.syncPeriodMilliseconds;
  return createHealth({ families, needsNode, syncPeriodMilliseconds, clock });
}

interface NodePortsContext {
  readonly health: Health;
  readonly tell: Observer;
  readonly clock: Clock;
}

/** The Node that was heard of last counts, also while the source is opened anew. */
function openNodePorts(
  { current, log }: ObserversOptions,
  { health, tell, clock }: NodePortsContext,
): Pick<HealthCheckNodePorts, 'observe' | 'stop'> {
  let node: Node | undefined;
  const nodePorts = new HealthCheckNodePorts({
    isHealthy: () => health.isHealthy(),
    addresses: () => healthCheckAddresses(current().routing, node),
    observe: tell,
    log,
    clock,
  });
  return {
    observe: (happening) => {
      if (happening.kind === 'snapshot-heard') ({ node } = happening.snapshot);
      nodePorts.observe(happening);
    },
    stop: () => nodePorts.stop(),
  };
}

/** Each hears everything, also when another one throws; that is told once for each cause. */
function oneByOne(observers: Readonly<Record<string, { readonly observe: Observer }>>, log: Log): Observer {
  const told = new Set<string>();
  return (happening: Happening) => {
    for (const [observer, { observe }] of Object.entries(observers)) {
      try {
        observe(happening);
      } catch (thrown) {
        const err = toError(thrown);
        const cause = `${observer} ${happening.kind} ${err.message}`;
        if (!told.has(cause) && told.size < 100) {
          log.error({ err, observer, happening: happening.kind }, 'an observer of the agent failed');
          told.add(cause);
        }
      }
    }
  };
}
