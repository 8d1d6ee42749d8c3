/** Runs a job again and again, never twice at a time. */
export interface Repeater {
  /** Runs the job in at most `ms` milliseconds (when it is running: after it). */
  within(ms: number): void;
  /** Resolves when the job does not run and never will again. */
  stop(): Promise<void>;
}

/** `job` resolves to the milliseconds until it wants to run again, unless {@link Repeater.within} comes first. */
export function createRepeater(job: () => Promise<number>): Repeater {
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let stopped = false;

  const within = (ms: number): void => {
    const at = performance.now() + ms;
    if (stopped || at >= due) return;
    due = at;
    if (running) return;
    clearTimeout(timer);
    timer = setTimeout(start, ms);
  };
  const start = (): void => {
    due = Number.POSITIVE_INFINITY;
    running = job().then((ms) => {
      running = undefined;
      const asked = due - performance.now();
      due = Number.POSITIVE_INFINITY;
      within(Math.max(0, Math.min(ms, asked)));
    });
  };
  return {
    within,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
