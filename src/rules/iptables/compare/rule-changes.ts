import type { RuleLines } from '../../comparison.ts';
import type { Step } from '../../plan.ts';
import { canonicalRule } from '../fingerprint.ts';
import type { Chain, Rule, RuleSet, TableName } from '../objects.ts';
import { renderRule } from '../render.ts';

/** A step with the rules that stand there now and those that are wanted. */
export interface Rewrite {
  readonly step: Step;
  /** Key of the Route that the chain serves, wanted or read back; undefined when it serves several or the whole node. */
  readonly service: string | undefined;
  /** Undefined: the chain does not exist, or the step is a jump from a built-in chain. */
  readonly before: Chain | undefined;
  /** Undefined: the chain goes. */
  readonly after: Chain | undefined;
}

/** Where both sides of a step are looked up. */
export interface Sides {
  readonly live: RuleSet;
  /** By `table chain`. */
  readonly wanted: ReadonlyMap<string, Chain | undefined>;
  /** Key of the Route that a chain in the kernel belongs to. */
  readonly ownerOf: (chain: string) => string | undefined;
}

/** Joins each step with both sides of its chain. */
export function rewritesOf(steps: readonly Step[], { live, wanted, ownerOf }: Sides): readonly Rewrite[] {
  const tables: Readonly<Record<string, RuleSet[TableName] | undefined>> = live;
  return steps.map((step) => ({
    step,
    service: step.service ?? ownerOf(step.chain),
    before: step.verb === 'insert' ? undefined : tables[step.table]?.get(step.chain),
    after: wanted.get(`${step.table} ${step.chain}`),
  }));
}

/** Lines that rewrites bring and take away, compared as multisets; only rules that `about` accepts. */
export function ruleChanges(
  rewrites: readonly Rewrite[],
  about: (rule: Rule, service: string | undefined) => boolean,
): RuleLines {
  const added: string[] = [];
  const removed: string[] = [];
  for (const { step, service, before, after } of rewrites) {
    const [old, fresh] = [before?.rules ?? [], after?.rules ?? []];
    const lines = (rules: readonly Rule[]) =>
      rules.filter((rule) => about(rule, service)).map((rule) => renderRule(step.chain, rule));
    removed.push(...lines(surplus(old, fresh)));
    added.push(...lines(surplus(fresh, old)));
    if (step.verb === 'insert') added.push(...step.lines().map(({ text }) => text.replace(/^-I/, '-A')));
  }
  return { added, removed };
}

/** Rules of `a` that `b` lacks, each as often as it is missing. */
export function surplus(a: readonly Rule[], b: readonly Rule[]): readonly Rule[] {
  const left = new Map<string, number>();
  const text = (rule: Rule) => canonicalRule(rule, true);
  for (const rule of b) left.set(text(rule), (left.get(text(rule)) ?? 0) + 1);
  return a.filter((rule) => {
    const count = left.get(text(rule)) ?? 0;
    left.set(text(rule), count - 1);
    return count <= 0;
  });
}
