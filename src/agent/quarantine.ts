import { get, type ImmutableMap, withEntries } from '../model/immutable-map.ts';
import type { Route } from '../routing/route.ts';
import type { Refusal } from './refusal.ts';

/** A Service port whose rules the kernel refuses. */
export interface Quarantined {
  /** The Route that it refuses. */
  readonly refused: Route;
  /** The Route that stays in force instead, the last one it took; undefined: the port is left out. */
  readonly kept: Route | undefined;
  readonly reason: Refusal;
  /** Refusals in a row. */
  readonly failures: number;
  /** When the same Route is tried again, by the clock of the agent. */
  readonly retryAt: number;
  /** When another Route is tried. */
  readonly changeAt: number;
}

/** By key of the Route. */
export type Quarantine = ReadonlyMap<string, Quarantined>;

/** One refusal: by which Route, and what stays in its place. */
export type Culprits = ReadonlyMap<string, Pick<Quarantined, 'refused' | 'kept' | 'reason'>>;

/** The same Route again: a module may have been loaded meanwhile. */
const retry = { first: 30_000, most: 300_000 };
/** Another Route is tried at once, but one that goes on changing and being refused must not keep the node busy. */
const change = { free: 3, most: 60_000 };

/** Those that are not to be tried now. One that has become another Route is, and one that is gone is no matter any more. */
export function stillQuarantined(
  quarantine: Quarantine,
  routes: ImmutableMap<Route>,
  now: number,
): Quarantine {
  const held = [...quarantine].filter(([key, one]) => {
    const route = get(routes, key);
    return route !== undefined && now < dueAt(one, route);
  });
  return new Map(held);
}

/** The Routes with the last good one in place of each that is refused. */
export function substitute(routes: ImmutableMap<Route>, quarantine: Quarantine): ImmutableMap<Route> {
  return withEntries(
    routes,
    Array.from(quarantine, ([key, { kept }]) => [key, kept] as const),
  );
}

/** When the next one is to be tried; undefined: none is in quarantine. */
export function nextTry(quarantine: Quarantine, routes: ImmutableMap<Route>): number | undefined {
  const times = Array.from(quarantine, ([key, one]) => dueAt(one, get(routes, key)));
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Adds what was refused now; `before` tells who was refused the last time as well. */
export function quarantined(
  held: Quarantine,
  culprits: Culprits,
  before: Quarantine,
  now: number,
): Quarantine {
  const added = Array.from(culprits, ([key, culprit]) => {
    const failures = (before.get(key)?.failures ?? 0) + 1;
    const retryAt = now + Math.min(retry.first * 2 ** (failures - 1), retry.most);
    const wait = failures <= change.free ? 0 : Math.min(1000 * 2 ** (failures - change.free), change.most);
    return [key, { ...culprit, failures, retryAt, changeAt: now + wait }] as const;
  });
  return new Map([...held, ...added]);
}

function dueAt({ refused, retryAt, changeAt }: Quarantined, route: Route | undefined): number {
  return route === refused ? retryAt : Math.min(retryAt, changeAt);
}
