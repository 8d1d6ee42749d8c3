import { type Finding, type FindingCode, findingKinds } from '../../model/finding.ts';
import type { Instruments } from './instruments.ts';

/** How many findings of each code stand now; all codes are shown from the start. */
export function hearFindings(instruments: Instruments): (findings: readonly Finding[]) => void {
  const standing = instruments.gauge('nodeplane_findings');
  const codes = Object.keys(findingKinds);
  for (const code of codes) standing.set({ code }, 0);
  return (findings) => {
    const counts = new Map<FindingCode, number>();
    for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
    standing.reset();
    for (const code of codes) standing.set({ code }, 0);
    for (const [code, count] of counts) standing.set({ code }, count);
  };
}
