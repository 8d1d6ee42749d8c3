import type { ApiClient } from '../cluster/api/client.ts';
import type { Config, ListenAddress } from '../config/defaults.ts';
import { configz } from '../config/write.ts';
import { toError } from '../errors.ts';
import { readConntrackFill } from '../kernel/conntrack-settings.ts';
import type { Exec } from '../kernel/exec.ts';
import { readCounters } from '../kernel/nfacct-read.ts';
import type { Sysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import type { Clock } from '../observe/clock.ts';
import { systemClock } from '../observe/clock.ts';
import type { DebugState } from '../observe/debug-state.ts';
import { createEventRecorder } from '../observe/events.ts';
import type { Happening, Observer } from '../observe/happening.ts';
import { createHealth, type Health } from '../observe/health.ts';
import { HealthCheckNodePorts } from '../observe/health-check-node-ports.ts';
import { createHealthRoutes } from '../observe/health-routes.ts';
import { type Handler, type HttpServer, serve } from '../observe/http.ts';
import type { Log } from '../observe/log.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { createMetricsRoutes } from '../observe/metrics-routes.ts';
import { buildInfo } from './build-info.ts';
import { healthCheckAddresses } from './health-check-addresses.ts';

/** What tells of the agent: metrics, health, Events. */
export interface Observers {
  readonly observe: Observer;
  /** Frees all ports; what waits to be told is told, for two seconds at most. */
  stop(): Promise<void>;
}

export interface ObserversOptions {
  /** Where to serve, as long as these observers live. */
  readonly config: Config;
  /** As it is now: what may change without new observers. */
  readonly current: () => Config;
  readonly families: readonly Family[];
  readonly log: Log;
  /** Hears of what the observers themselves meet; what comes through {@link Observers.observe} it has heard already. */
  readonly narrate: Observer;
  readonly debug: DebugState;
  /** Undefined when the objects come from manifests. */
  readonly client: ApiClient | undefined;
}

/** The machine that the observers look at. */
export interface ObserversHost {
  readonly exec: Exec;
  readonly sysctls: Sysctls;
  readonly random: () => number;
  readonly clock?: Clock;
}

/**
 * Starts all that tells of the agent.
 * @throws NodeplaneError `NP-SERVE-001` with `serving.hardFail`, when an address cannot be listened at; nothing is left behind.
 */
export async function startObservers(options: ObserversOptions, host: ObserversHost): Promise<Observers> {
  const { config, log, narrate } = options;
  const clock = host.clock ?? systemClock;
  const tell: Observer = (happening) => {
    narrate(happening);
    observe(happening);
  };
  const metrics = openMetrics(options, host);
  const health = openHealth(options, clock);
  const nodePorts = openNodePorts(options, { health, tell, clock });
  const events = createEventRecorder({
    client: config.events ? options.client : undefined,
    nodeName: config.nodeName,
    version: buildInfo.version,
    log,
    clock,
    random: host.random,
  });
  const observe = oneByOne({ metrics, health, nodePorts, events }, log);
  const servers: HttpServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...servers, nodePorts, events].map((each) => each.stop()));
    metrics.stop();
  };
  try {
    for (const server of serversOf(options, { metrics, health, tell }))
      servers.push(await serve({ ...server, hardFail: config.serving.hardFail, log, clock }));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { observe, stop };
}

function openMetrics({ families }: ObserversOptions, { exec, sysctls }: ObserversHost): Metrics {
  return createMetrics({
    families,
    build: buildInfo,
    readNfacct: () => readCounters(exec),
    readConntrackFill: () => readConntrackFill(sysctls),
  });
}

function openHealth({ families, current }: ObserversOptions, clock: Clock): Health {
  const syncPeriodMilliseconds = () => current().sync.syncPeriodMilliseconds;
  return createHealth({ families, syncPeriodMilliseconds, clock });
}

interface NodePortsContext {
  readonly health: Health;
  readonly tell: Observer;
  readonly clock: Clock;
}

function openNodePorts(
  { current, debug, log }: ObserversOptions,
  { health, tell, clock }: NodePortsContext,
): HealthCheckNodePorts {
  return new HealthCheckNodePorts({
    isHealthy: () => health.isHealthy(),
    addresses: () => healthCheckAddresses(current().routing, debug.snapshot()?.node),
    observe: tell,
    log,
    clock,
  });
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

interface ServersContext {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly tell: Observer;
}

interface Server {
  readonly what: string;
  readonly listen: ListenAddress;
  readonly handler: Handler;
  readonly failed: (error: Error) => void;
}

function serversOf(options: ObserversOptions, { metrics, health, tell }: ServersContext): readonly Server[] {
  const { config, current, debug } = options;
  const failed = (server: 'healthz' | 'metrics') => (error: Error) =>
    tell({ kind: 'listen-failed', server, service: undefined, error });
  const metricsRoutes = createMetricsRoutes({
    metrics,
    mode: config.mode,
    configz: () => configz(current()),
    debug,
    profiling: () => current().serving.profiling,
  });
  const { healthz, metrics: metricsAddress } = config.serving;
  return [
    {
      what: 'The health server',
      listen: healthz,
      handler: createHealthRoutes(health, tell),
      failed: failed('healthz'),
    },
    { what: 'The metrics server', listen: metricsAddress, handler: metricsRoutes, failed: failed('metrics') },
  ].flatMap(({ listen, ...server }) => (listen === undefined ? [] : [{ listen, ...server }]));
}
