import { setTimeout } from 'node:timers/promises';
import type { Api, WatchEvent } from '../api.ts';

interface Named {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

const initialEvents = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

/** All objects of a kind as the API server has them, heard anew whenever the connection is lost. */
export class Mirror<Thing extends Named> {
  readonly #objects = new Map<string, Thing>();
  readonly #api: Api;
  readonly #path: string;
  readonly #changed: () => void;

  /** @param path of the whole kind. @param changed called after each change. */
  constructor(api: Api, path: string, changed: () => void) {
    this.#api = api;
    this.#path = path;
    this.#changed = changed;
  }

  /** By `namespace/name`, or by the name of what has no namespace. */
  get objects(): ReadonlyMap<string, Thing> {
    return this.#objects;
  }

  /** Follows until the signal comes. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#watch(signal).catch(() => undefined);
      await setTimeout(200, undefined, { signal }).catch(() => undefined);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let complete = false;
    for await (const event of this.#api.watch<Thing>(`${this.#path}?watch=true&${initialEvents}`, signal)) {
      if (event.type === 'ERROR') return;
      if (event.type !== 'BOOKMARK') seen.add(this.#take(event));
      else if (event.object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') {
        for (const key of this.#objects.keys()) if (!seen.has(key)) this.#objects.delete(key);
        complete = true;
      }
      if (complete) this.#changed();
    }
  }

  #take({ type, object }: WatchEvent<Thing>): string {
    const { namespace, name } = object.metadata;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, object);
    return key;
  }
}
