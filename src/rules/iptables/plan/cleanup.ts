import type { Line, Step } from '../../plan.ts';
import type { ChainNames } from '../names.ts';
import { builtinChains, type Chain, type RuleSet, type Table, tableNames } from '../objects.ts';
import { renderRuleWith } from '../render.ts';
import { leadsToUs } from './applied.ts';
import { restoreLines, type Transactions } from './restore.ts';
import { deletion } from './steps.ts';

/** What a cleanup takes away, and the lines that do it. */
export interface Cleanup {
  readonly chains: number;
  readonly jumps: number;
  /** Chains of ours that stay, because chains of others lead to them: `nat KUBE-MARK-MASQ`. */
  readonly kept: readonly string[];
  readonly lines: Iterable<Line>;
}

/**
 * Takes all rules of these names out of what was read from the kernel: the jumps first, in a transaction of their own, so that no packet meets a
 * half-removed tree. KUBE-FIREWALL and its jumps are kubelet's as well and stay, as do kubelet's own chains and chains of ours that
 * somebody else's lead to (the portmap plugin of CNI to KUBE-MARK-MASQ, for one), which the kernel would not give up.
 */
export function cleanup(ruleSet: RuleSet, transactions: Transactions, names: ChainNames): Cleanup {
  const jumps = tableNames.map((table) => ({ table, lines: jumpLines([...ruleSet[table].values()], names) }));
  const kept = tableNames.flatMap((table) =>
    [...heldChains(ruleSet[table], names)].map((chain) => `${table} ${chain}`),
  );
  const steps: Step[] = tableNames.flatMap((table) =>
    [...ruleSet[table].keys()]
      .filter((chain) => names.isOwn(chain) && !kept.includes(`${table} ${chain}`))
      .map((chain) => deletion(table, chain, { service: undefined, replaces: 0 })),
  );
  const unhook = jumps
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ table, lines }) => [plain(`*${table}`), ...lines, plain('COMMIT')]);
  return {
    chains: steps.length,
    jumps: jumps.reduce((sum, { lines }) => sum + lines.length, 0),
    kept,
    lines: [...unhook, ...restoreLines(steps, transactions)],
  };
}

/** Chains of ours that user-defined chains of others lead to, and what those lead to in turn. */
function heldChains(table: Table, names: ChainNames): ReadonlySet<string> {
  const held = new Set<string>();
  const foreign = [...table.values()].filter((chain) => !names.isOwn(chain.name) && !isBuiltin(chain));
  const waiting = foreign.flatMap((chain) => leadsToUs(chain, names));
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chain = table.get(name);
    if (held.has(name) || chain === undefined) continue;
    held.add(name);
    waiting.push(...leadsToUs(chain, names));
  }
  return held;
}

/** Rules of built-in chains that lead into ours. */
function jumpLines(chains: readonly Chain[], names: ChainNames): readonly Line[] {
  return chains
    .filter(isBuiltin)
    .flatMap((chain) =>
      chain.rules
        .filter((rule) => leadsToUs({ ...chain, rules: [rule] }, names).length > 0)
        .map((rule) => plain(renderRuleWith('-D', chain.name, rule))),
    );
}

function isBuiltin({ table, name }: Chain): boolean {
  return builtinChains[table].includes(name);
}

function plain(text: string): Line {
  return { text, service: undefined };
}
