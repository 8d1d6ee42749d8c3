import { entries, get, type ImmutableMap, immutableMap, withEntries } from '../model/immutable-map.ts';
import type { Route } from '../routing/route.ts';
import type { Culprits } from './quarantine.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** What was refused as a whole and is to be programmed as far as possible. */
export interface Isolation {
  /** All that is wanted. */
  readonly wanted: ImmutableMap<Route>;
  /** What is in force, or was last; stands for a Service port until its new Route is taken. */
  readonly good: ImmutableMap<Route>;
  /** Keys of Service ports whose rules were among the refused and are not those of `good`. */
  readonly suspects: readonly string[];
  /** The kernel holds no rules of ours: somebody has flushed them. */
  readonly nothingInForce: boolean;
  /** Programs the Routes. @throws what a restore throws. */
  readonly program: (routes: ImmutableMap<Route>) => Promise<void>;
  /** Takes what is found, as it is found: it counts also when the search is ended early. */
  readonly found: Map<string, NonNullable<ReturnType<Culprits['get']>>>;
}

/** So many restores in a pass; then it ends with an error, and the next one goes on with what was found. */
const mostRestores = 64;
/** After so many that the kernel named one by one, the others are brought in by halves. */
const mostNamed = 8;

/**
 * Programs everything but the Service ports whose rules the kernel refuses. A port that the refusal names is left out at once. Otherwise the
 * suspects are brought in by halves, each half in force as soon as the kernel has taken it: for one culprit among n it takes
 * about 2·log₂ n restores.
 * @throws the refusal when it is about what serves the whole node; or the last one after {@link mostRestores}.
 */
export async function isolate(isolation: Isolation, first: Refusal): Promise<void> {
  const search = new Search(isolation);
  const rest = search.blameNamed(isolation.suspects, first);
  if (rest === undefined) {
    // Everything but the suspects. If the kernel refuses that, it is not about them.
    const refusal = await search.tried([]);
    if (refusal !== undefined) return fromNothing(isolation, refusal);
    await search.narrow(isolation.suspects, first);
  } else {
    await search.bringIn(rest, 1);
  }
  // What a refused half has left in other tables goes.
  await search.bringIn([], 0);
}

/**
 * What was in force before is refused too, and nobody is named. Where nothing is in force any more, nothing can be lost: everybody is a suspect
 * then, and nothing stands in for who is refused.
 */
async function fromNothing(isolation: Isolation, refusal: Refusal): Promise<void> {
  if (!isolation.nothingInForce) throw refusal.error;
  const suspects = Array.from(entries(isolation.wanted), ([key]) => key);
  const search = new Search({ ...isolation, good: immutableMap(), suspects });
  await search.bringIn([], 0);
  await search.narrow(suspects, refusal);
  await search.bringIn([], 0);
}

class Search {
  readonly #isolation: Isolation;
  /** Suspects that are not in force. */
  readonly #out: Set<string>;
  #restores = 1;

  constructor(isolation: Isolation) {
    this.#isolation = isolation;
    this.#out = new Set(isolation.suspects);
  }

  /** Adds the group to what is in force; what is refused is looked for in it. `named` of its members were named already. */
  async bringIn(group: readonly string[], named: number): Promise<void> {
    const refusal = await this.tried(group);
    if (refusal === undefined) return;
    const rest = this.blameNamed(group, refusal);
    if (rest === undefined) await this.narrow(group, refusal);
    else if (named < mostNamed) await this.bringIn(rest, named + 1);
    else await this.#halve(rest);
  }

  /** The group was refused as a whole, and nobody in it was named. */
  async narrow(group: readonly string[], refusal: Refusal): Promise<void> {
    const [only, ...others] = group;
    if (only === undefined) throw refusal.error;
    if (others.length === 0) this.#blame(only, refusal);
    else await this.#halve(group);
  }

  /** Leaves out the Service port that the refusal names. Gives the rest of the group; undefined when it names none of its. */
  blameNamed(group: readonly string[], refusal: Refusal): readonly string[] | undefined {
    const { service } = refusal;
    if (service === undefined || get(this.#isolation.wanted, service) === undefined) return undefined;
    const known = this.#isolation.found.get(service);
    if (known === undefined) this.#blame(service, refusal);
    // What stood in its place is refused as well: then nothing stands there, and nobody else is to blame.
    else if (known.kept !== undefined) this.#isolation.found.set(service, { ...known, kept: undefined });
    else return undefined;
    return group.filter((key) => key !== service);
  }

  async #halve(group: readonly string[]): Promise<void> {
    const middle = group.length >> 1;
    if (middle > 0) await this.bringIn(group.slice(0, middle), 0);
    await this.bringIn(group.slice(middle), 0);
  }

  #blame(key: string, reason: Refusal): void {
    const { wanted, good, found } = this.#isolation;
    const refused = get(wanted, key);
    if (refused === undefined) return;
    const before = get(good, key);
    found.set(key, { refused, kept: before === refused ? undefined : before, reason });
    this.#out.delete(key);
  }

  /** Adds the group to what is in force. Gives the refusal. @throws what else a restore throws. */
  async tried(group: readonly string[]): Promise<Refusal | undefined> {
    try {
      await this.#program(group);
      return undefined;
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      if (refusal === undefined || this.#restores >= mostRestores) throw thrown;
      return refusal;
    }
  }

  async #program(group: readonly string[]): Promise<void> {
    const { wanted, good, found, program } = this.#isolation;
    const coming = new Set(group);
    const out = [...this.#out].filter((key) => !coming.has(key));
    const routes = withEntries(wanted, [
      ...out.map((key) => [key, get(good, key)] as const),
      ...Array.from(found, ([key, { kept }]) => [key, kept] as const),
    ]);
    this.#restores += 1;
    await program(routes);
    for (const key of group) this.#out.delete(key);
  }
}
