import { differences, type ImmutableMap, immutableMap } from '../model/immutable-map.ts';
import type { HealthCheck } from '../routing/health-check.ts';
import type { Handler } from './bind.ts';
import type { Clock } from './clock.ts';
import type { Happening, Observer } from './happening.ts';
import { createHealthCheckCounts, type HealthCheckCounts } from './health-check-counts.ts';
import { createDoor, type Door } from './health-check-door.ts';
import type { Log } from './log.ts';
import { jsonHeaders, respond } from './respond.ts';

export interface HealthCheckNodePortsOptions {
  /** The agent does its work, in the sense of `/livez`. */
  readonly isHealthy: () => boolean;
  /** Where to listen at this moment, canonical; `0.0.0.0` and `::` mean all addresses of the family. */
  readonly addresses: () => readonly string[];
  /** Hears of ports that are in use. */
  readonly observe: Observer;
  readonly log: Log;
  readonly clock: Clock;
}

/** Wait until a port that was in use is tried again; a sync tries it at once. */
const retryMilliseconds = 5000;

/**
 * Answers load balancers at the `healthCheckNodePort` of each Service with `externalTrafficPolicy: Local` (behaviour of kube-proxy's
 * service_health.go), in both families whatever the Service has. Listens as soon as the Service is heard of, and says 503 until it can be served.
 */
export class HealthCheckNodePorts {
  readonly #options: HealthCheckNodePortsOptions;
  readonly #counts = createHealthCheckCounts();
  /** By `namespace/name` of the Service. */
  readonly #doors = new Map<string, Door>();
  #served: ImmutableMap<HealthCheck> = immutableMap();
  /** The addresses that all doors were adjusted to. */
  #adjusted = '';
  #work: Promise<unknown> = Promise.resolve();
  #cancelRetry = (): void => undefined;
  #stopped = false;

  constructor(options: HealthCheckNodePortsOptions) {
    this.#options = options;
  }

  readonly observe = (happening: Happening): void => {
    if (this.#stopped || (happening.kind !== 'snapshot-heard' && happening.kind !== 'sync-ended')) return;
    this.#counts.observe(happening);
    const opened = this.#follow(this.#counts.wanted() ?? this.#served);
    if (opened || happening.kind === 'sync-ended') this.#adjust(opened);
  };

  /** Resolves when what was observed so far has had its effect. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Ends all sockets and connections at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    await Promise.all([...this.#doors.values()].map((door) => door.close()));
    await this.#work;
  }

  /** Closes what is gone or has another port before anything opens: two Services may have changed ports. Tells whether there are new doors. */
  #follow(wanted: ImmutableMap<HealthCheck>): boolean {
    const moved = [...differences(this.#served, wanted)].filter(
      ({ before, after }) => before?.port !== after?.port,
    );
    this.#served = wanted;
    for (const { key } of moved) {
      const door = this.#doors.get(key);
      this.#doors.delete(key);
      if (door !== undefined) this.#work = Promise.all([this.#work, door.close()]);
    }
    for (const { key, after } of moved) {
      if (after === undefined) continue;
      this.#doors.set(key, openDoor(after, { ...this.#options, key, counts: this.#counts }));
    }
    return moved.length > 0;
  }

  #adjust(opened: boolean): void {
    if (this.#stopped) return;
    const addresses = this.#options.addresses();
    if (!opened && this.#adjusted === addresses.join() && !this.#isLacking()) return;
    this.#adjusted = addresses.join();
    const done = [...this.#doors.values()].map((door) => door.adjust(addresses));
    this.#work = Promise.all([this.#work, ...done]).then(() => this.#retryLater());
  }

  #retryLater(): void {
    this.#cancelRetry();
    if (this.#stopped || !this.#isLacking()) return;
    this.#cancelRetry = this.#options.clock.after(retryMilliseconds, () => this.#adjust(false));
  }

  #isLacking(): boolean {
    return [...this.#doors.values()].some((door) => door.lacking);
  }
}

interface DoorContext extends HealthCheckNodePortsOptions {
  /** `namespace/name`. */
  readonly key: string;
  readonly counts: HealthCheckCounts;
}

function openDoor(check: HealthCheck, { key, counts, isHealthy, observe, log }: DoorContext): Door {
  return createDoor({
    service: key,
    port: check.port,
    handler: (family) => answerWith(check, () => counts.of(key, family), isHealthy),
    failed: (error) =>
      observe({ kind: 'listen-failed', server: 'health-check-node-port', service: key, error }),
    troubled: (error) => log.warn({ err: error, service: key }, 'a health check could not be answered'),
  });
}

/** Any path and any method. */
function answerWith(
  { namespace, name }: HealthCheck,
  count: () => number,
  isHealthy: () => boolean,
): Handler {
  return (_, response) => {
    const localEndpoints = count();
    const serviceProxyHealthy = isHealthy();
    const headers = { ...jsonHeaders, 'X-Load-Balancing-Endpoint-Weight': localEndpoints };
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
    const status = localEndpoints > 0 && serviceProxyHealthy ? 200 : 503;
    respond(response, status, headers, JSON.stringify(body, undefined, '\t'));
  };
}
