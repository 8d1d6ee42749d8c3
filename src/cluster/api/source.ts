import { type Clock, systemClock } from '../../clock.ts';
import type { ObjectChange, ObjectKind } from '../../model/change.ts';
import { createBreathe } from '../breathe.ts';
import { createPublisher } from '../publisher.ts';
import type { Listener, Source } from '../source.ts';
import type { SourceEvent } from '../source-event.ts';
import type { ApiClient } from './client.ts';
import { Feed } from './feed.ts';
import { createHoldings } from './holdings.ts';
import { listOnce } from './list-once.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { resourcesFor } from './resources.ts';
import { type ReflectorTimes, reflectorTimes } from './times.ts';

export interface ApiSourceOptions {
  /** Stays open when the source stops. */
  readonly client: ApiClient;
  /** The Node this agent runs on; only this one is asked for. */
  readonly nodeName: string;
  /** Services are asked for that carry it in their label service-proxy-name; undefined: those without the label. */
  readonly serviceProxyName?: string | undefined;
  /** Follow changes after everything was heard once. */
  readonly watch: boolean;
  /** Hears of the source's own work. */
  readonly observe: (event: SourceEvent) => void;
  readonly times?: Partial<ReflectorTimes>;
  readonly clock?: Clock;
  /** 0 to 1; spreads what many nodes do. */
  readonly random?: () => number;
}

/**
 * Objects from an API server: lists and watches that never end. Complete once Services, EndpointSlices, the Node and ServiceCIDRs have
 * been heard; until then `start` keeps trying. While the server is away all that was heard stays. Without `watch` all is listed once,
 * and `start` throws ApiError when that fails. `start` resolves without a snapshot when the source is stopped.
 */
export function createApiSource(options: ApiSourceOptions): Source {
  const { clock = systemClock } = options;
  const stopping = new AbortController();
  let feed: Feed | undefined;
  let ended: Promise<unknown> | undefined;
  return {
    start: async (listener: Listener) => {
      const { feed: opened, reflectors } = openFeed(options, clock, listener);
      feed = opened;
      const { signal } = stopping;
      if (options.watch) ended = Promise.all(reflectors.map((each) => new Reflector(each).run(signal)));
      else {
        ended = listAll(reflectors, stopping);
        await ended;
        feed.complete();
      }
      await feed.told;
    },
    stop: async () => {
      stopping.abort();
      // What it threw, `start` throws.
      await ended?.catch(() => undefined);
      await feed?.stop();
    },
  };
}

function openFeed(options: ApiSourceOptions, clock: Clock, listener: Listener) {
  const { client, nodeName, serviceProxyName, observe, random = Math.random } = options;
  const breathe = createBreathe();
  const times = { ...reflectorTimes, ...options.times };
  const resources = resourcesFor(nodeName, serviceProxyName).map((resource) => ({
    resource,
    holdings: createHoldings(resource),
  }));
  const feed = new Feed({
    publisher: createPublisher(nodeName, listener),
    findings: () => resources.flatMap(({ holdings }) => holdings.findings()),
    clock,
    breathe,
    failed: (error) =>
      observe({ kind: 'failed', resource: 'Service', error, unchanged: false, retryMilliseconds: 0 }),
  });
  const heard = new Set<ObjectKind>();
  const reflectors = resources.map(({ resource, holdings }): ReflectorOptions => {
    const sink = {
      changed: (changes: readonly ObjectChange[]) => feed.changed(changes),
      heard: () => {
        heard.add(resource.kind);
        if (heard.size === resources.length) feed.complete();
      },
    };
    return { client, resource, times, clock, random, breathe, holdings, sink, observe };
  });
  return { feed, reflectors };
}

/** The first failure ends all. */
async function listAll(reflectors: readonly ReflectorOptions[], stopping: AbortController): Promise<void> {
  const lists = reflectors.map((each) => listOnce(each, stopping.signal));
  try {
    await Promise.all(lists);
  } catch (thrown) {
    stopping.abort();
    await Promise.allSettled(lists);
    throw thrown;
  }
}
