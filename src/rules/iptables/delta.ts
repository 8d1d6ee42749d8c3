import { entries, get } from '../../model/immutable-map.ts';
import type { Cost, Line, Plan, Step } from '../plan.ts';
import { type Applied, isOurChain, jumpKey } from './applied.ts';
import { fingerprintChain, fingerprintRule } from './fingerprint.ts';
import { changedChains, type Layout, type WantedChain, wantedChains } from './layout.ts';
import { jumpRules } from './node-chains.ts';
import { tableNames } from './objects.ts';
import { renderRule, renderRuleWith } from './render.ts';
import { restoreLines } from './restore.ts';

/**
 * The plan that turns what is applied into the whole layout, with everything of ours that the layout does not have deleted.
 * Yields between chains, so that a caller may pause.
 */
export function* planAll(applied: Applied, layout: Layout): Generator<undefined, Plan> {
  const seen = new Set<string>();
  const steps: Step[] = [];
  for (const wanted of wantedChains(layout)) {
    seen.add(`${wanted.table} ${wanted.name}`);
    steps.push(...chainSteps(applied, wanted));
    yield;
  }
  for (const table of tableNames) {
    for (const [name] of entries(applied.chains[table])) {
      if (seen.has(`${table} ${name}`) || !isOurChain(name)) continue;
      steps.push(...chainSteps(applied, { table, name, chain: undefined, service: undefined }));
    }
    yield;
  }
  return planOf(layout, [...steps, ...jumpSteps(applied, layout)]);
}

/**
 * The plan for a layout that followed another by changed Routes alone; it costs what changed, not what there is.
 * `applied` must hold all of `before`.
 */
export function* planChange(applied: Applied, before: Layout, after: Layout): Generator<undefined, Plan> {
  const steps: Step[] = [];
  for (const wanted of changedChains(before, after)) {
    steps.push(...chainSteps(applied, wanted));
    yield;
  }
  return planOf(after, [...steps, ...jumpSteps(applied, after)]);
}

function chainSteps(applied: Applied, { table, name, chain, service }: WantedChain): readonly Step[] {
  const before = get(applied.chains[table], name);
  const fingerprint = chain === undefined ? undefined : fingerprintChain(chain);
  if (before === fingerprint) return [];
  if (chain === undefined) {
    return [{ verb: 'delete', table, chain: name, lines: [], service, creates: false, fingerprint }];
  }
  const lines: Line[] = chain.rules.map((rule) => ({ text: renderRule(name, rule), service: rule.service }));
  const creates = before === undefined;
  return [{ verb: 'write', table, chain: name, lines, service, creates, fingerprint }];
}

function jumpSteps(applied: Applied, layout: Layout): readonly Step[] {
  return jumpRules(layout.routes.node)
    .map(({ table, builtin, rule }) => ({ table, builtin, rule, fingerprint: fingerprintRule(rule) }))
    .filter(({ table, builtin, fingerprint }) => !applied.jumps.has(jumpKey(table, builtin, fingerprint)))
    .map(({ table, builtin, rule, fingerprint }) => ({
      verb: 'insert',
      table,
      chain: builtin,
      lines: [{ text: renderRuleWith('-I', builtin, rule), service: undefined }],
      service: undefined,
      creates: false,
      fingerprint,
    }));
}

function planOf(layout: Layout, steps: readonly Step[]): Plan {
  return { dialect: 'iptables', family: layout.routes.node.family, steps, cost: costOf(steps) };
}

/** As one transaction per table; small transactions for iptables-nft add a few lines. */
function costOf(steps: readonly Step[]): Cost {
  let lines = 0;
  let bytes = 0;
  for (const { text } of restoreLines(steps, 'one')) {
    lines++;
    // Rule text is ASCII: names were validated at the door.
    bytes += text.length + 1;
  }
  return { steps: steps.length, lines, bytes };
}
