import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { toError } from '../errors.ts';

/** Hears of changes in a directory, also when the directory itself is replaced. */
export interface Follower {
  /** Makes sure that the directory that is there now is followed; gives the reason why it cannot be, or undefined. */
  ensure(): Promise<string | undefined>;
  stop(): void;
}

/** `changed` is called for anything that happens in the directory, often several times; what happened must be looked up. */
export function createFollower(directory: string, changed: () => void): Follower {
  let watcher: FSWatcher | undefined;
  let followed = '';
  const stop = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  return {
    ensure: async () => {
      try {
        const { dev, ino } = await stat(directory, { bigint: true });
        if (watcher && followed === `${dev}:${ino}`) return undefined;
        stop();
        watcher = watch(directory, changed).on('error', stop);
        followed = `${dev}:${ino}`;
        return undefined;
      } catch (thrown) {
        stop();
        return toError(thrown).message;
      }
    },
    stop,
  };
}
