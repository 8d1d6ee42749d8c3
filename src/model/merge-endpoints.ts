import { addressPort } from './address.ts';
import type { Endpoint } from './endpoint.ts';
import { kept } from './kept.ts';

/** The endpoints of all lists, one per `address:port`, sorted by that text. A list that is merged already stays the same list. */
export function mergeEndpoints(lists: readonly (readonly Endpoint[])[]): readonly Endpoint[] {
  const [only, ...others] = lists.filter((list) => list.length > 0);
  if (only !== undefined && others.length === 0 && isMerged(only)) return only;
  const found = new Map<string, Endpoint>();
  for (const candidate of lists.flat()) {
    const text = addressPort(candidate.address, candidate.port);
    const known = found.get(text);
    if (known === undefined || wins(candidate, known)) found.set(text, candidate);
  }
  return kept([...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, endpoint]) => endpoint));
}

function isMerged(endpoints: readonly Endpoint[]): boolean {
  const texts = endpoints.map(({ address, port }) => addressPort(address, port));
  return texts.every((text, index) => index === 0 || (texts[index - 1] ?? '') < text);
}

/**
 * Whether a later copy of an endpoint replaces an earlier one: a pod's address is used again while the old pod still terminates
 * (kubernetes#135593). Between two of the same standing the first slice by name wins, so that the order of events does not matter.
 */
function wins(later: Endpoint, earlier: Endpoint): boolean {
  if (later.terminating !== earlier.terminating) return earlier.terminating;
  return later.ready && !earlier.ready;
}
