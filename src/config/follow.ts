import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { toError } from '../errors.ts';
import type { Config } from './defaults.ts';
import type { ConfigUpdates } from './updates.ts';

export interface FollowTimes {
  /** The file is read when nothing has happened around it for so long; a writer may be half done before. */
  readonly settleMilliseconds: number;
  /** It is read after so long nevertheless, when things never stop happening around it. */
  readonly patienceMilliseconds: number;
  /** And this often in any case: what its path leads to is not always in the directory that is watched. */
  readonly pollMilliseconds: number;
}

const usualTimes: FollowTimes = {
  settleMilliseconds: 200,
  patienceMilliseconds: 2000,
  pollMilliseconds: 10_000,
};

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
  /** Fingerprint of the content that was judged last. */
  #judged: string | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the first of the things happened that the next look is for. */
  #happenedAt: number | undefined;
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

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#happenedAt = undefined;
      this.#watch();
      this.#looking = this.#looking.then(() => this.#look());
    }, milliseconds).unref();
  }

  /** Watches the directory, not the file: a name may come to mean another file. Anew each time, as the directory may be another one too. */
  #watch(): void {
    this.#watcher?.close();
    try {
      const path = dirname(this.#options.file);
      this.#watcher = watch(path, { persistent: false }, () => this.#happened()).on('error', () => undefined);
    } catch {
      this.#watcher = undefined;
    }
  }

  #happened(): void {
    const { settleMilliseconds, patienceMilliseconds } = this.#times;
    const now = performance.now();
    this.#happenedAt ??= now;
    this.#lookIn(Math.max(0, Math.min(settleMilliseconds, this.#happenedAt + patienceMilliseconds - now)));
  }

  async #look(): Promise<void> {
    const { file, load } = this.#options;
    const content = await fingerprint(file);
    if (content !== undefined && content !== this.#judged) {
      const loaded = await load().then(
        (config) => ({ config }),
        (thrown: unknown) => ({ error: toError(thrown) }),
      );
      // What was written again meanwhile is judged by the next look.
      if ((await fingerprint(file)) === content) this.#judge(content, loaded);
    }
    if (this.#happenedAt === undefined) this.#lookIn(this.#times.pollMilliseconds);
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

/** What the file holds, or why it cannot be read, in short; undefined when it is not there. */
async function fingerprint(file: string): Promise<string | undefined> {
  return readFile(file).then(
    (content) => createHash('sha256').update(content).digest('base64'),
    (thrown: unknown) => {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
      return absent.has(code) ? undefined : `cannot be read: ${String(code)}`;
    },
  );
}
