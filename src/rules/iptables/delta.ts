import { entries, get } from '../../model/immutable-map.ts';
import type { Cost, Line, Plan, Step } from '../plan.ts';
import { type Applied, isOurChain, jumpKey } from './applied.ts';
import { fingerprintChain, fingerprintRule } from './fingerprint.ts';
import { changedChains, type Layout, type WantedChain, wantedChains } from './layout.ts';
import { jumpRules } from './node-chains.ts';
import { tableNames } from './objects.ts';
import { renderRule, renderRuleWith } from './render.ts';

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

/** As one transaction per table; small transactions for iptables-nft add a few lines. Rule text is ASCII: names came through the door. */
function costOf(steps: readonly Step[]): Cost {
  const tables = new Set(steps.map(({ table }) => table));
  let lines = 2 * tables.size;
  let bytes = [...tables].reduce((sum, table) => sum + `*${table}\nCOMMIT\n`.length, 0);
  for (const step of steps) {
    lines += step.lines.length;
    for (const { text } of step.lines) bytes += text.length + 1;
    if (step.verb === 'insert') continue;
    lines += 1;
    bytes += `: - [0:0]\n`.length + step.chain.length;
    if (step.verb === 'write') continue;
    lines += 1;
    bytes += '-X \n'.length + step.chain.length;
  }
  return { steps: steps.length, lines, bytes };
}
