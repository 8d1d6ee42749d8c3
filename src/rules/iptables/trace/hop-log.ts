import type { Hop } from '../../trace.ts';
import type { Rule } from '../objects.ts';
import { renderRule } from '../render.ts';
import { effectText } from './evaluate-target.ts';
import type { Walker } from './walker.ts';

/** What a trace has seen: each rule that matched, once, with the sum of the ways that led through it. */
export interface HopLog {
  /** The rule of the current chain that the walker has just passed, and that matched. */
  readonly matched: (walker: Walker, rule: Rule) => void;
  /** A rule that cannot be judged. */
  readonly unknown: (walker: Walker, rule: Rule) => void;
  /** Hook by hook in the order of the first visits. */
  readonly hops: () => readonly Hop[];
  readonly uncertain: () => readonly string[];
}

/** An empty log. */
export function createHopLog(): HopLog {
  const byHook = new Map<string, Map<string, Entry>>();
  const unknown = new Set<string>();
  return {
    matched: (walker, rule) => count(byHook, walker, rule),
    unknown: ({ place }, rule) => unknown.add(renderRule(place?.chain.name ?? '', rule)),
    hops: () => [...byHook.values()].flatMap((entries) => [...entries.values()].map(hopOf)),
    uncertain: () => [...unknown],
  };
}

interface Entry {
  readonly hook: string;
  readonly table: string;
  readonly chain: string;
  readonly position: number;
  readonly rule: Rule;
  probability: number;
}

function count(byHook: Map<string, Map<string, Entry>>, { path, place, weight }: Walker, rule: Rule): void {
  const stage = path[0];
  if (stage === undefined || place === undefined) return;
  const key = `${stage.hook} ${stage.table}`;
  const entries = byHook.get(key) ?? new Map<string, Entry>();
  byHook.set(key, entries);
  const where = `${place.chain.name} ${place.next}`;
  const known = entries.get(where);
  if (known !== undefined) known.probability += weight;
  else
    entries.set(where, {
      ...stage,
      chain: place.chain.name,
      position: place.next,
      rule,
      probability: weight,
    });
}

function hopOf({ rule, ...where }: Entry): Hop {
  return {
    ...where,
    text: renderRule(where.chain, rule),
    service: rule.service,
    effect: effectText(rule.target),
  };
}
