import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { toError } from '../errors.ts';
import type { Config } from './defaults.ts';
import type { ConfigUpdates } from './updates.ts';

export interface FollowTimes {
  /** What the file holds counts when it holds the same so long after; a writer may have been half done. */
  readonly settleMilliseconds: number;
  /** It is looked at this often in any case: what its path leads to is not always in the directory that is watched. */
  readonly pollMilliseconds: number;
}

const usualTimes: FollowTimes = { settleMilliseconds: 150, pollMilliseconds: 10_000 };

export interface FollowOptions {
  readonly file: string;
  /** What the file said when it was loaded. */
  readonly current: Config;
  /** Loads it again, with the same flags. */
  readonly load: () => Promise<Config>;
  readonly times?: FollowTimes;
}

type Listener = Parameters<ConfigUpdates['start']>[0];

/**
 * Follows a configuration file that is written, replaced by rename, or reached through links that are swapped, as those of a
 * mounted ConfigMap are. Never throws. A file that is not there is no change. Keeps no process alive.
 */
export function followConfig(options: FollowOptions): ConfigUpdates {
  let follower: Follower | undefined;
  return {
    start: (listener) => {
      follower ??= new Follower(options, listener);
    },
    stop: async () => follower?.stop(),
  };
}

class Follower {
  readonly #options: FollowOptions;
  readonly #times: FollowTimes;
  readonly #listener: Listener;
  #current: Config;
  /** Fingerprints of what the file held at the last look, and when it was judged last. */
  #seen: string | undefined;
  #judged: string | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: FollowOptions, listener: Listener) {
    this.#options = options;
    this.#times = options.times ?? usualTimes;
    this.#listener = listener;
    this.#current = options.current;
    this.#lookIn(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#looking;
  }

  /** Never later than a look that is due already, so that neighbours which never rest put nothing off. */
  #lookIn(milliseconds: number): void {
    const due = performance.now() + milliseconds;
    if (this.#stopped || this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#watch();
      this.#looking = this.#looking.then(() => this.#look());
    }, milliseconds).unref();
  }

  /** Watches the directory, not the file: a name may come to mean another file. Anew each time, as the directory may be another one too. */
  #watch(): void {
    this.#watcher?.close();
    const happened = (): void => this.#lookIn(this.#times.settleMilliseconds);
    try {
      const path = dirname(this.#options.file);
      this.#watcher = watch(path, { persistent: false }, happened).on('error', () => undefined);
    } catch {
      this.#watcher = undefined;
    }
  }

  async #look(): Promise<void> {
    const { file, load } = this.#options;
    const { settleMilliseconds, pollMilliseconds } = this.#times;
    const content = await fingerprint(file);
    const still = content === this.#seen;
    this.#seen = content;
    if (content === undefined || content === this.#judged) return this.#lookIn(pollMilliseconds);
    if (!still) return this.#lookIn(settleMilliseconds);
    const loaded = await load().then(
      (config) => ({ config }),
      (thrown: unknown) => ({ error: toError(thrown) }),
    );
    // What was written meanwhile may be what was loaded.
    if ((await fingerprint(file)) === content) this.#judge(content, loaded);
    return this.#lookIn(settleMilliseconds);
  }

  #judge(content: string, loaded: { readonly config: Config } | { readonly error: Error }): void {
    if (this.#stopped) return;
    this.#judged = content;
    if ('error' in loaded) this.#listener.refused(loaded.error);
    else if (!isDeepStrictEqual(loaded.config, this.#current)) {
      this.#current = loaded.config;
      this.#listener.changed(loaded.config);
    }
  }
}

const absent: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * What the file holds, or why it cannot be read, in short; undefined when it is not there. A pipe cannot be read a second time, so
 * it counts as not there.
 */
async function fingerprint(file: string): Promise<string | undefined> {
  try {
    if ((await stat(file)).isFIFO()) return undefined;
    return createHash('sha256')
      .update(await readFile(file))
      .digest('base64');
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    return absent.has(code) ? undefined : `cannot be read: ${String(code)}`;
  }
}
