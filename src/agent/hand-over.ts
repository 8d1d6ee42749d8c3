import { sleep } from '../clock.ts';
import type { Config } from '../config/defaults.ts';
import { toError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { LiveConfig } from './live-config.ts';
import type { SourceOptions } from './options.ts';
import type { Rooms } from './rooms.ts';

export interface HandOverOptions {
  readonly rooms: Rooms;
  readonly options: SourceOptions;
  readonly live: LiveConfig;
  readonly log: Log;
  /** The end of the agent. */
  readonly signal: AbortSignal;
  /** Ends the session that works; the next one begins with what is current then. */
  readonly endSession: () => void;
}

/** Between two attempts to open what a changed configuration names. */
const wait = { first: 1000, most: 30_000 };

/**
 * Goes over to a changed configuration once its source can be opened: what works is not closed for a kubeconfig that is not there. Tries
 * again until it can be, or until the file says something else.
 */
export function handOver(given: HandOverOptions): void {
  let attempt = new AbortController();
  given.live.onRestart((wanted) => {
    attempt.abort();
    attempt = new AbortController();
    if (wanted !== undefined) void adopt(given, wanted, AbortSignal.any([given.signal, attempt.signal]));
  });
}

async function adopt(given: HandOverOptions, wanted: Config, signal: AbortSignal): Promise<void> {
  const { rooms, log, live, endSession } = given;
  for (let pause = wait.first; !signal.aborted; pause = Math.min(pause * 2, wait.most)) {
    const failure = await tryToOpen(given, wanted);
    if (signal.aborted) return;
    if (failure === undefined) {
      live.adopt(wanted);
      endSession();
      return;
    }
    log.error({ err: failure }, 'the changed configuration cannot be used yet; what was before holds on');
    await sleep(rooms.clock, pause, signal);
  }
}

/** Nothing is sent to a server by that. */
async function tryToOpen({ rooms, options }: HandOverOptions, config: Config): Promise<Error | undefined> {
  try {
    const { client } = await rooms.openSource({ ...options, config }, true);
    client?.close();
    return undefined;
  } catch (thrown) {
    return toError(thrown);
  }
}
