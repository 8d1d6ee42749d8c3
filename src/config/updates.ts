import type { Config } from './defaults.ts';

/** The configuration file as it changes while the agent runs. */
export interface ConfigUpdates {
  /**
   * Begins to follow it. `changed`: the file is valid and says something else than before. `refused`: it is not valid any more, and
   * what it said before holds on; told once for each content.
   */
  start(listener: { changed(config: Config): void; refused(error: Error): void }): void;
  stop(): Promise<void>;
}
