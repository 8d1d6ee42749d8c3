/** How long a reflector waits for what; milliseconds. The defaults are client-go's where it has one (tools/cache/reflector.go). */
export interface ReflectorTimes {
  /** The server is asked to end a watch after so long, or up to twice as long. */
  readonly watch: number;
  /** A watch without a byte is dead after so long; a server sends a bookmark about once a minute. */
  readonly watchSilence: number;
  /** A watch that ends sooner counts as a failure, whatever it told, so that no server makes us spin. */
  readonly briefWatch: number;
  /**
   * After so long without an event or a bookmark all is listed again: a server that was restored from a backup stays silent for ever on a
   * version of its future.
   */
  readonly fruitless: number;
  /** A list without a byte is dead after so long; servers give up a list after a minute. */
  readonly listSilence: number;
  /** A list with all its pages takes no longer. */
  readonly list: number;
  /** A server that sends nothing for so long before the end of the initial events does not know of streaming lists. */
  readonly initialPause: number;
  /** The initial events take no longer; past it a paged list is tried. */
  readonly initialEvents: number;
  /** A server that refused streaming lists is asked again after so long: it may have been upgraded. */
  readonly watchListAgain: number;
  /** A resource that the server does not have is looked for again after so long, or up to twice as long. */
  readonly withoutAgain: number;
  readonly backoff: BackoffTimes;
}

/** Waits after failures: `first`, doubled with each up to `most`, each spread up to its double. */
export interface BackoffTimes {
  readonly first: number;
  readonly most: number;
  /** So long without a failure, and the next one waits `first` again. */
  readonly reset: number;
  /** `Retry-After` is obeyed up to this. */
  readonly mostAsked: number;
}

const seconds = 1000;
const minutes = 60 * seconds;

export const reflectorTimes: ReflectorTimes = {
  watch: 5 * minutes,
  watchSilence: 150 * seconds,
  briefWatch: 5 * seconds,
  fruitless: 10 * minutes,
  listSilence: minutes,
  list: 5 * minutes,
  initialPause: 10 * seconds,
  initialEvents: minutes,
  watchListAgain: 30 * minutes,
  withoutAgain: 5 * minutes,
  backoff: { first: 800, most: 30 * seconds, reset: 2 * minutes, mostAsked: 5 * minutes },
};
