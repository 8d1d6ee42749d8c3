import type { Config, ListenAddress, ServingSettings } from '../config/defaults.ts';
import { configz } from '../config/write.ts';
import type { Clock } from '../observe/clock.ts';
import type { DebugState } from '../observe/debug-state.ts';
import type { Observer } from '../observe/happening.ts';
import type { Health } from '../observe/health.ts';
import { createHealthRoutes } from '../observe/health-routes.ts';
import { type Handler, type HttpServer, serve } from '../observe/http.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { createMetricsRoutes } from '../observe/metrics-routes.ts';

/** The servers at the addresses of the configuration. */
export interface Servers {
  /**
   * Listens where the settings say; a server whose address stays is not touched.
   * @throws NodeplaneError `NP-SERVE-001` with `hardFail`, when an address cannot be listened at.
   */
  open(settings: ServingSettings): Promise<void>;
  stop(): Promise<void>;
}

export interface ServersOptions {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly debug: DebugState;
  /** As it is now. */
  readonly current: () => Config;
  /** Hears of addresses that cannot be listened at. */
  readonly tell: Observer;
  readonly log: Log;
  readonly clock: Clock;
}

const names = ['healthz', 'metrics'] as const;

type Name = (typeof names)[number];

const sentences: Readonly<Record<Name, string>> = {
  healthz: 'The health server',
  metrics: 'The metrics server',
};

export function createServers(options: ServersOptions): Servers {
  const handlers = handlersOf(options);
  const running = new Map<Name, { readonly listen: ListenAddress; readonly server: HttpServer }>();
  const { log, clock, tell } = options;
  const close = async (name: Name): Promise<void> => {
    const { server } = running.get(name) ?? {};
    running.delete(name);
    await server?.stop();
  };
  const open = async (name: Name, listen: ListenAddress, hardFail: boolean): Promise<void> => {
    const failed = (error: Error): void =>
      tell({ kind: 'listen-failed', server: name, service: undefined, error });
    const about = { what: sentences[name], listen, handler: handlers[name], hardFail };
    running.set(name, { listen, server: await serve({ ...about, failed, log, clock }) });
  };
  return {
    open: async (settings) => {
      // All that is to go goes first: the two may change places.
      const moved = names.filter((name) => !isSame(running.get(name)?.listen, settings[name]));
      for (const name of moved) await close(name);
      for (const name of moved) {
        const listen = settings[name];
        if (listen !== undefined) await open(name, listen, settings.hardFail);
      }
    },
    stop: async () => {
      await Promise.all(names.map(close));
    },
  };
}

function handlersOf({
  metrics,
  health,
  tell,
  current,
  debug,
}: ServersOptions): Readonly<Record<Name, Handler>> {
  return {
    healthz: createHealthRoutes(health, tell),
    metrics: createMetricsRoutes({
      metrics,
      mode: current().mode,
      configz: () => configz(current()),
      debug,
      profiling: () => current().serving.profiling,
    }),
  };
}

function isSame(one: ListenAddress | undefined, other: ListenAddress | undefined): boolean {
  return one?.address === other?.address && one?.port === other?.port;
}
