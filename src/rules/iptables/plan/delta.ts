import { entries, get } from '../../../model/immutable-map.ts';
import type { Cost, Line, Plan, Step } from '../../plan.ts';
import { fingerprintChain, fingerprintRule } from '../fingerprint.ts';
import {
  chainsOfService,
  changedChains,
  type Layout,
  type WantedChain,
  wantedChains,
} from '../layout/layout.ts';
import { jumpRules } from '../layout/node-chains.ts';
import { type Chain, type TableName, tableNames } from '../objects.ts';
import { renderRule, renderRuleWith } from '../render.ts';
import { type Applied, isOurChain, jumpKey } from './applied.ts';

/**
 * The plan that turns what is applied into the whole layout, with everything of ours that the layout does not have deleted, but for
 * chains that others hold on to, which are emptied: one of those would make the kernel refuse the whole table. Yields between chains, so that a caller may pause.
 */
export function* planAll(applied: Applied, layout: Layout): Generator<undefined, Plan> {
  const seen: Record<TableName, Set<string>> = { mangle: new Set(), filter: new Set(), nat: new Set() };
  const steps: Step[] = [];
  const again = chainsAgain(layout);
  for (const wanted of wantedChains(layout)) {
    seen[wanted.table].add(wanted.name);
    steps.push(...chainSteps(applied, wanted, again));
    yield;
  }
  for (const table of tableNames) {
    for (const [name] of entries(applied.chains[table])) {
      if (seen[table].has(name) || !isOurChain(name)) continue;
      steps.push(...chainSteps(applied, { table, name, chain: undefined, service: undefined }, again));
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
  for (const wanted of changedChains(before, after)) {
    steps.push(...chainSteps(applied, wanted, again));
    yield;
  }
  return planOf(after, [...steps, ...jumpSteps(applied, after)]);
}

function chainSteps(
  applied: Applied,
  { table, name, chain, service }: WantedChain,
  again: ChainsAgain,
): readonly Step[] {
  const before = get(applied.chains[table], name);
  // Others hold on to it: emptied instead, so that it keeps nothing of ours alive and sends no packet to pods that are gone.
  const held = chain === undefined && before !== undefined && applied.held.has(`${table} ${name}`);
  const wanted = held ? { table, name, rules: [] } : chain;
  const fingerprint = wanted === undefined ? undefined : fingerprintChain(wanted);
  if (before === fingerprint) return [];
  if (wanted === undefined) return [deletion(table, name, service)];
  const lines = service === undefined || held ? keptLines(wanted) : laterLines(again, service, name);
  const size = sizeOf(linesOf(wanted));
  return [
    { verb: 'write', table, chain: name, lines, size, service, creates: before === undefined, fingerprint },
  ];
}

type ChainsAgain = (service: string, name: string) => Chain | undefined;

/** Finds chains of Services by laying their Routes out again; the last Route is remembered, since its chains are asked for in a row. */
function chainsAgain(layout: Layout): ChainsAgain {
  let last: { readonly service: string; readonly chains: ReadonlyMap<string, Chain> } | undefined;
  return (service, name) => {
    if (last?.service !== service) {
      last = {
        service,
        chains: new Map(chainsOfService(layout, service).map((chain) => [chain.name, chain])),
      };
    }
    return last.chains.get(name);
  };
}

function keptLines(chain: Chain): Step['lines'] {
  return () => linesOf(chain);
}

/** A function of its own, so that the closure holds no more than it names: beside `chain` it would keep all rules alive. */
function laterLines(again: ChainsAgain, service: string, name: string): Step['lines'] {
  return () => linesOf(again(service, name));
}

/** The step that takes a chain away. */
export function deletion(table: TableName, chain: string, service: string | undefined): Step {
  const none = { lines: () => [], size: { lines: 0, bytes: 0 }, creates: false, fingerprint: undefined };
  return { verb: 'delete', table, chain, service, ...none };
}

function linesOf(chain: Chain | undefined): readonly Line[] {
  return (chain?.rules ?? []).map((rule) => ({
    text: renderRule(chain?.name ?? '', rule),
    service: rule.service,
  }));
}

/** Rule text is ASCII: names came through the door. */
function sizeOf(lines: readonly Line[]): Step['size'] {
  return { lines: lines.length, bytes: lines.reduce((sum, { text }) => sum + text.length + 1, 0) };
}

function jumpSteps(applied: Applied, layout: Layout): readonly Step[] {
  return jumpRules(layout.routes.node)
    .map(({ table, builtin, rule }) => ({ table, builtin, rule, fingerprint: fingerprintRule(rule) }))
    .filter(({ table, builtin, fingerprint }) => !applied.jumps.has(jumpKey(table, builtin, fingerprint)))
    .map(({ table, builtin, rule, fingerprint }) => {
      const lines = [{ text: renderRuleWith('-I', builtin, rule), service: undefined }];
      const step = { verb: 'insert', table, chain: builtin, lines: () => lines, service: undefined } as const;
      return { ...step, creates: false, size: sizeOf(lines), fingerprint };
    });
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
