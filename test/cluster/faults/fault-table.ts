import type { Converged } from './bed.ts';
import type { Tally } from './traffic.ts';

/** What was observed of one fault. */
export interface Observed {
  readonly fault: string;
  readonly tally: Tally;
  /** From healing, or from the change. */
  readonly converged: Converged;
  /** Anything else worth a figure. */
  readonly notes?: string;
}

/** What is promised to connections to healthy endpoints. */
export const healthyTally: Pick<Tally, 'failed' | 'broken'> = { failed: [], broken: [] };

/** Prints a line for the fault table of docs/reliability.md: fault, connections, failed, broken, time to converge, notes. */
export function tellRow({ fault, tally, converged, notes = '' }: Observed): void {
  const { answered, failed, broken, exchanges } = tally;
  const connections = (answered + failed.length).toLocaleString('en');
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
  const cells = [
    fault,
    connections,
    String(failed.length),
    `${broken.length} (${exchanges.toLocaleString('en')} exchanges)`,
    `${seconds(converged.packets)}${converged.diff === undefined ? '' : ` (diff: ${seconds(converged.diff)})`}`,
    notes,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
