import type { CheckFinding } from '../../agent/check/finding.ts';
import { printError } from './error.ts';
import type { Page } from './page.ts';

/** Each finding with its remedy, what stands in the way first. */
export function printCheck(findings: readonly CheckFinding[], page: Page): string {
  if (findings.length === 0) return 'nothing stands in the way\n';
  return inOrder(findings)
    .map(({ severity, error }) => printError(error, page, severity))
    .join('');
}

export function checkJson(findings: readonly CheckFinding[]): unknown {
  return {
    findings: inOrder(findings).map(({ severity, error }) => {
      const { code, message, remedy } = error;
      return { severity, code, message, remedy };
    }),
  };
}

function inOrder(findings: readonly CheckFinding[]): readonly CheckFinding[] {
  return findings.toSorted((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}
