/** How long things must stay as they are before they count; all in milliseconds. */
export interface Times {
  /** A file that was written is read when it has been still for so long; a writer may be half done before. */
  readonly settle: number;
  /**
   * A file that is gone or empty counts as such after so long. A writer truncates before it writes, and editors move the old file
   * away before the new one is there; neither may empty a node. A file renamed over another is there at once.
   */
  readonly grace: number;
  /** A file that is written without a pause is read after so long nevertheless. */
  readonly patience: number;
}

/** Where a file stands that is not as it was read: what it looks like, since when, and since when it is not as read. */
export interface Waiting {
  readonly stamp: string;
  readonly since: number;
  readonly first: number;
}

/** What a look at a file showed. */
export interface Look {
  /** Empty: the file is not there. */
  readonly stamp: string;
  /** The file is not there, or has no content. */
  readonly empty: boolean;
}

/** What is to be done with a file: nothing, to read it now, or to look again in `inMs`. */
export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'read' }
  | { readonly kind: 'wait'; readonly waiting: Waiting; readonly inMs: number };

/** Judges a look at a file against how it was when it was read last. `now` is a monotonic time in milliseconds. */
export function judge(
  applied: string,
  waiting: Waiting | undefined,
  look: Look,
  { now, times }: { readonly now: number; readonly times: Times },
): Verdict {
  if (look.stamp === applied) return { kind: 'same' };
  const first = waiting?.first ?? now;
  const current = waiting?.stamp === look.stamp ? waiting : { stamp: look.stamp, since: now, first };
  const still = current.since + (look.empty ? times.grace : times.settle) - now;
  const inMs = look.empty ? still : Math.min(still, first + times.patience - now);
  return inMs <= 0 ? { kind: 'read' } : { kind: 'wait', waiting: current, inMs };
}
