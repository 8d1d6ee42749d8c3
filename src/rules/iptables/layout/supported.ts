import { differences, type ImmutableMap, immutableMap, withEntries } from '../../../model/immutable-map.ts';
import type { FamilyRoutes, Route } from '../../../routing/route.ts';
import type { IptablesFeatures } from '../features.ts';

/** An extension that a Service port asks for and the kernel lacks. */
export type Lack = 'recent' | 'sctp';

/** Routes as far as the kernel can have them. */
export interface Supported {
  /** As they were decided. */
  readonly asked: FamilyRoutes;
  readonly routes: FamilyRoutes;
  /** What keeps a Route from being as it was asked for, by its key. */
  readonly lacks: ImmutableMap<Lack>;
}

/**
 * Without `recent`, Services are balanced without affinity; without `sctp`, SCTP ports are left out. One rule of those would make the
 * kernel refuse a whole table. With `previous`, of the same features, it costs what changed.
 */
export function* supported(
  asked: FamilyRoutes,
  features: IptablesFeatures,
  previous?: Supported,
): Generator<undefined, Supported> {
  if (features.recent && features.sctp) return { asked, routes: asked, lacks: immutableMap() };
  const routes: [string, Route | undefined][] = [];
  const lacks: [string, Lack | undefined][] = [];
  for (const { key, after } of differences(previous?.asked.routes ?? immutableMap<Route>(), asked.routes)) {
    const lack = after === undefined ? undefined : lackOf(after, features);
    lacks.push([key, lack]);
    routes.push([key, after === undefined ? undefined : without(after, lack)]);
    yield;
  }
  return {
    asked,
    routes: {
      node: asked.node,
      routes: withEntries(previous?.routes.routes ?? immutableMap<Route>(), routes),
    },
    lacks: withEntries(previous?.lacks ?? immutableMap<Lack>(), lacks),
  };
}

function lackOf(route: Route, features: IptablesFeatures): Lack | undefined {
  if (route.protocol === 'SCTP' && !features.sctp) return 'sctp';
  return route.affinitySeconds !== undefined && !features.recent ? 'recent' : undefined;
}

function without(route: Route, lack: Lack | undefined): Route | undefined {
  if (lack === undefined) return route;
  return lack === 'sctp' ? undefined : { ...route, affinitySeconds: undefined };
}
