import type { Cost, Plan, Step } from '../../plan.ts';
import { fingerprintChain, rulesOf } from '../fingerprint.ts';
import {
  chainsOfService,
  changedChains,
  type Layout,
  type WantedChain,
  wantedChains,
} from '../layout/layout.ts';
import { jumpRules } from '../layout/node-chains.ts';
import { chainNames } from '../names.ts';
import { type Chain, type TableName, tableNames } from '../objects.ts';
import { type Applied, jumpKey, listed } from './applied.ts';
import { deletion, insertion, writing } from './steps.ts';

/**
 * The plan that turns what is applied into the whole layout, with everything of ours that the layout does not have deleted, but for
 * chains that others hold on to, which are emptied: one of those would make the kernel refuse the whole table. Yields between chains, so that a caller may pause.
 */
export function* planAll(known: Applied, layout: Layout): Generator<undefined, Plan> {
  const applied = yield* listed(known);
  const seen: Record<TableName, Set<string>> = { mangle: new Set(), filter: new Set(), nat: new Set() };
  const steps: Step[] = [];
  const again = chainsAgain(layout);
  for (const wanted of wantedChains(layout)) {
    const { table, name } = wanted;
    seen[table].add(name);
    steps.push(...chainSteps(applied, wanted, applied.chains[table].get(name), again));
    yield;
  }
  const names = chainNames(layout.routes.node);
  for (const table of tableNames) {
    for (const [name, print] of applied.chains[table]) {
      if (seen[table].has(name) || !names.isOwn(name)) continue;
      const gone = { table, name, chain: undefined, service: undefined, again: undefined };
      steps.push(...chainSteps(applied, gone, print, again));
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
  const again = chainsAgain(after);
  for (const { before: old, ...wanted } of changedChains(before, after)) {
    const print = old === undefined ? applied.chains[wanted.table].get(wanted.name) : fingerprintChain(old);
    steps.push(...chainSteps(applied, wanted, print, again));
    yield;
  }
  return planOf(after, [...steps, ...jumpSteps(applied, after)]);
}

/** @param before fingerprint of what the kernel holds; undefined: no such chain. */
function chainSteps(
  applied: Applied,
  { table, name, chain, service, again: sharedAgain }: WantedChain,
  before: string | undefined,
  again: (step: Step) => Chain | undefined,
): readonly Step[] {
  if (before === undefined)
    return chain === undefined
      ? []
      : [writing({ chain, service, replaces: undefined }, sharedAgain ?? again)];
  const replaces = rulesOf(before);
  if (chain !== undefined)
    return before === fingerprintChain(chain)
      ? []
      : [writing({ chain, service, replaces }, sharedAgain ?? again)];
  if (!applied.held.has(`${table} ${name}`)) return [deletion(table, name, { service, replaces })];
  // Others hold on to it: emptied instead, so that it keeps nothing of ours alive and sends no packet to pods that are gone.
  const empty = { table, name, rules: [] };
  return before === fingerprintChain(empty)
    ? []
    : [writing({ chain: empty, service, replaces }, () => empty)];
}

/** Finds chains of Services by laying their Routes out again; the last Route is remembered, since its chains are asked for in a row. */
function chainsAgain(layout: Layout): (step: Step) => Chain | undefined {
  let last: { readonly service: string; readonly chains: ReadonlyMap<string, Chain> } | undefined;
  return ({ service = '', chain: name }) => {
    if (last?.service !== service) {
      last = {
        service,
        chains: new Map(chainsOfService(layout, service).map((chain) => [chain.name, chain])),
      };
    }
    return last.chains.get(name);
  };
}

function jumpSteps(applied: Applied, layout: Layout): readonly Step[] {
  return jumpRules(layout.routes.node)
    .filter((jump) => !applied.jumps.has(jumpKey(jump)))
    .map(insertion);
}

function planOf(layout: Layout, steps: readonly Step[]): Plan {
  return { dialect: 'iptables', family: layout.routes.node.family, steps, cost: costOf(steps) };
}

/** As one transaction per table; small transactions for iptables-nft add a few lines. */
function costOf(steps: readonly Step[]): Cost {
  const tables = new Set(steps.map(({ table }) => table));
  let lines = 2 * tables.size;
  let bytes = [...tables].reduce((sum, table) => sum + `*${table}\nCOMMIT\n`.length, 0);
  for (const step of steps) {
    lines += step.size.lines;
    bytes += step.size.bytes;
    if (step.verb === 'insert') continue;
    lines += 1;
    bytes += `: - [0:0]\n`.length + step.chain.length;
    if (step.verb === 'write') continue;
    lines += 1;
    bytes += '-X \n'.length + step.chain.length;
  }
  return { steps: steps.length, lines, bytes };
}
