import type { Finding } from '../model/finding.ts';

/** All findings that stand: those of the source, and of each family what its rules cannot be. */
export interface Findings {
  /** Replaces what this one told before: `source`, `IPv4`, `IPv6`. */
  tell(teller: string, findings: readonly Finding[]): void;
}

/** Joins findings, each once, sorted by object, field and code; hands them on when they change. */
export function createFindings(handOn: (findings: readonly Finding[]) => void): Findings {
  const byTeller = new Map<string, readonly Finding[]>();
  let before = '[]';
  return {
    tell: (teller, findings) => {
      const known = byTeller.get(teller) ?? [];
      if (known.length + findings.length === 0) return;
      byTeller.set(teller, findings);
      const all = distinct([...byTeller.values()].flat());
      const text = JSON.stringify(all);
      if (text === before) return;
      before = text;
      handOn(all);
    },
  };
}

/** Both families may say the same of a Service. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  const byText = new Map(
    findings.map((each) => [[each.object, each.field, each.code, each.reason].join('\0'), each]),
  );
  return [...byText].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, finding]) => finding);
}
