import type { Finding } from '../model/finding.ts';
import { createAllowance } from './allowance.ts';
import type { Log } from './log.ts';

/** So many findings are told by name at a time; the rest of a flood is a number. */
const burst = 50;

/** Tells each finding once when it comes up, or when its reason is another one, and once when it is gone. */
export function narrateFindings(log: Log, now: () => number): (findings: readonly Finding[]) => void {
  const allow = createAllowance({ burst, refillMilliseconds: 2000, now });
  let told: ReadonlyMap<string, Finding> = new Map();
  return (findings) => {
    const standing = new Map(findings.map((finding) => [keyOf(finding), finding]));
    let silent = 0;
    for (const [key, finding] of standing) {
      if (told.get(key)?.reason === finding.reason) continue;
      if (allow('') === undefined) silent += 1;
      else log.warn(fieldsOf(finding), 'an object is not as it should be');
    }
    for (const [key, { reason: _, ...finding }] of told) {
      if (standing.has(key)) continue;
      if (allow('') === undefined) silent += 1;
      else log.info(fieldsOf(finding), 'an object is as it should be again, or gone');
    }
    if (silent > 0)
      log.warn(
        { more: silent, standing: standing.size },
        'more findings came or went than are told one by one',
      );
    told = standing;
  };
}

function keyOf({ code, object, field }: Finding): string {
  return `${code} ${object} ${field}`;
}

function fieldsOf(finding: Omit<Finding, 'reason'>): object {
  const { uid: _, ...fields } = finding;
  return fields;
}
