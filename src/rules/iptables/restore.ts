import type { Line, Step } from '../plan.ts';
import { tableNames } from './objects.ts';

/**
 * The input of `iptables-restore --noflush` for these steps, line by line: per table the chains (which empties those that exist), the rules,
 * the jumps from built-in chains, the deletions. Nothing for no steps. Each table is one transaction.
 */
export function* restoreLines(steps: readonly Step[]): Generator<Line> {
  for (const table of tableNames) {
    const here = steps.filter((step) => step.table === table);
    if (here.length === 0) continue;
    yield plain(`*${table}`);
    for (const { verb, chain, service } of here)
      if (verb !== 'insert') yield { text: `:${chain} - [0:0]`, service };
    for (const { lines } of here) yield* lines;
    for (const { verb, chain, service } of here)
      if (verb === 'delete') yield { text: `-X ${chain}`, service };
    yield plain('COMMIT');
  }
}

function plain(text: string): Line {
  return { text, service: undefined };
}
