import { ApiError } from './client.ts';
import { type Access, exchange } from './exchange.ts';
import { NoInitialEvents } from './failure.ts';
import { createLineSplitter } from './split-lines.ts';
import { readWatchEvent, type WatchEvent } from './watch-event.ts';

export interface WatchQuery {
  /** Where to go on; with `initialEvents`: at least as new as this, empty for the newest. */
  readonly version: string;
  readonly fieldSelector: string | undefined;
  /** Begin with all objects there are (KEP-3157, a streaming list). */
  readonly initialEvents: boolean;
}

/** Hears of a watch. */
export interface WatchListener {
  /** The server has answered. */
  opened(): void;
  event(event: WatchEvent): void;
  /** Events that came together end here. */
  pause(): void;
}

/** Follows one watch until the server ends it in good order. @throws ApiError, also when that was very soon */
export async function watch(
  access: Access,
  query: WatchQuery,
  listener: WatchListener,
  signal: AbortSignal,
): Promise<void> {
  const { clock, times, random, resource, client } = access;
  const about = { server: client.server, verb: 'watch', resource: resource.name } as const;
  const ask = {
    verb: 'watch',
    query: queryOf(query, times.watch * (1 + random())),
    silenceMilliseconds: times.watchSilence,
  } as const;
  const began = clock.now();
  await exchange(access, ask, signal, async ({ body }, cut) => {
    listener.opened();
    const guard = query.initialEvents
      ? guardInitialEvents(access, (reason) => cut(new NoInitialEvents('NP-API-010', { ...about, reason })))
      : undefined;
    try {
      const lines = createLineSplitter();
      for await (const chunk of body) {
        for (const line of lines.push(chunk)) {
          const event = readWatchEvent(line, about);
          guard?.heard(event);
          listener.event(event);
          const pause = access.breathe();
          if (pause) await pause;
        }
        listener.pause();
      }
    } finally {
      guard?.end();
    }
  });
  const lasted = clock.now() - began;
  if (lasted >= times.briefWatch) return;
  throw new ApiError('NP-API-010', {
    ...about,
    reason: `it was ended within ${seconds(times.briefWatch)} s`,
  });
}

function queryOf({ version, fieldSelector, initialEvents }: WatchQuery, milliseconds: number) {
  return {
    watch: true,
    fieldSelector,
    allowWatchBookmarks: true,
    timeoutSeconds: Math.max(1, Math.round(milliseconds / 1000)),
    resourceVersion: version,
    ...(initialEvents ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
  };
}

/**
 * Servers without streaming lists that know nothing of the parameter just watch, from their newest state on. That shows in nothing but
 * the missing bookmark.
 */
function guardInitialEvents({ clock, times }: Access, cut: (reason: string) => void) {
  let ended = false;
  const pause = { cancel: (): void => undefined };
  const wait = (): void => {
    pause.cancel();
    pause.cancel = clock.after(times.initialPause, () =>
      cut(`it sent nothing for ${seconds(times.initialPause)} s before the end of the initial events`),
    );
  };
  const cancelWhole = clock.after(times.initialEvents, () =>
    cut(`the initial events did not end within ${seconds(times.initialEvents)} s`),
  );
  const end = (): void => {
    ended = true;
    pause.cancel();
    cancelWhole();
  };
  wait();
  return {
    end,
    heard: (event: WatchEvent): void => {
      if (ended) return;
      if (event.type === 'bookmark' && event.endsInitialEvents) end();
      else wait();
    },
  };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
