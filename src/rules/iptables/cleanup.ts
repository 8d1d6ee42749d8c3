import type { Line, Step } from '../plan.ts';
import { isOurChain } from './applied.ts';
import { deletion } from './delta.ts';
import { builtinChains, type Chain, type Rule, type RuleSet, tableNames } from './objects.ts';
import { renderRuleWith } from './render.ts';
import { restoreLines, type Transactions } from './restore.ts';

/** What a cleanup takes away, and the lines that do it. */
export interface Cleanup {
  readonly chains: number;
  readonly jumps: number;
  readonly lines: Iterable<Line>;
}

/**
 * Takes all of our rules out of what was read from the kernel: the jumps first, in a transaction of their own, so that no packet meets a
 * half-removed tree. KUBE-FIREWALL and its jumps are kubelet's as well and stay, as do kubelet's own chains.
 */
export function cleanup(ruleSet: RuleSet, transactions: Transactions): Cleanup {
  const jumps = tableNames.map((table) => ({ table, lines: jumpLines([...ruleSet[table].values()]) }));
  const steps: Step[] = tableNames.flatMap((table) =>
    [...ruleSet[table].keys()].filter(isOurChain).map((chain) => deletion(table, chain, undefined)),
  );
  const unhook = jumps
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ table, lines }) => [plain(`*${table}`), ...lines, plain('COMMIT')]);
  return {
    chains: steps.length,
    jumps: jumps.reduce((sum, { lines }) => sum + lines.length, 0),
    lines: [...unhook, ...restoreLines(steps, transactions)],
  };
}

/** Rules of other chains that lead into ours: the built-in chains', as we wrote them. */
function jumpLines(chains: readonly Chain[]): readonly Line[] {
  return chains
    .filter(({ table, name }) => builtinChains[table].includes(name))
    .flatMap(({ name, rules }) =>
      rules.filter(leadsToUs).map((rule) => plain(renderRuleWith('-D', name, rule))),
    );
}

function leadsToUs({ target }: Rule): boolean {
  return (target.kind === 'jump' || target.kind === 'goto') && isOurChain(target.chain);
}

function plain(text: string): Line {
  return { text, service: undefined };
}
