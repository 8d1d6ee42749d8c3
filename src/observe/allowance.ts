/** Whether something may be said now; `keptBack`: how often it could not since it was said last. Undefined: not now. */
export type Allow = (key: string) => { readonly keptBack?: number } | undefined;

export interface AllowanceOptions {
  /** So often at once. */
  readonly burst: number;
  /** And once more for each of these. */
  readonly refillMilliseconds: number;
  /** Milliseconds since any fixed moment. */
  readonly now: () => number;
}

interface Account {
  /** Milliseconds saved up at `since`; one say costs a refill's. */
  readonly credit: number;
  readonly since: number;
  readonly keptBack: number;
}

/** Keys that were asked for longest ago are forgotten past this many. */
const maxKeys = 256;

/** A token bucket for each key. */
export function createAllowance({ burst, refillMilliseconds, now }: AllowanceOptions): Allow {
  const accounts = new Map<string, Account>();
  const full = burst * refillMilliseconds;
  return (key) => {
    const time = now();
    const { credit, since, keptBack } = accounts.get(key) ?? { credit: full, since: time, keptBack: 0 };
    const saved = Math.min(full, credit + time - since);
    const allowed = saved >= refillMilliseconds;
    accounts.delete(key);
    accounts.set(key, {
      credit: allowed ? saved - refillMilliseconds : saved,
      since: time,
      keptBack: allowed ? 0 : keptBack + 1,
    });
    for (const oldest of accounts.keys()) {
      if (accounts.size <= maxKeys) break;
      accounts.delete(oldest);
    }
    if (!allowed) return undefined;
    return keptBack === 0 ? {} : { keptBack };
  };
}
