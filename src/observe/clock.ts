/** Time, so that tests need none. */
export interface Clock {
  /** Milliseconds since any fixed moment; goes on evenly when somebody sets the clock. */
  now(): number;
  /** Milliseconds since 1970, to be shown. */
  date(): number;
  /** Calls back once after the time; the result cancels. Does not keep the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
