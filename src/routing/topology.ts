import type { Endpoint } from '../model/endpoint.ts';

/** Where this node stands, for hints. */
export interface Position {
  readonly nodeName: string;
  readonly zone: string | undefined;
}

/**
 * Ready endpoints that the hints of the EndpointSlices leave to this node. Hints count only when *every* ready endpoint has one
 * of the kind and at least one names this node or zone: node hints first (KEP-3015), then zone hints (KEP-2433); otherwise all stay.
 */
export function hinted(ready: readonly Endpoint[], position: Position): readonly Endpoint[] {
  const { nodeName, zone } = position;
  return (
    named(ready, (endpoint) => endpoint.forNodes, nodeName) ??
    named(ready, (endpoint) => endpoint.forZones, zone) ??
    ready
  );
}

function named(
  ready: readonly Endpoint[],
  hints: (endpoint: Endpoint) => readonly string[],
  here: string | undefined,
): readonly Endpoint[] | undefined {
  if (here === undefined || ready.some((endpoint) => hints(endpoint).length === 0)) return undefined;
  const chosen = ready.filter((endpoint) => hints(endpoint).includes(here));
  return chosen.length > 0 ? chosen : undefined;
}
