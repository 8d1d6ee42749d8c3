import { isObstacle } from '../../agent/check/finding.ts';
import { checkJson, printCheck } from '../print/check.ts';
import type { PerformVerb } from '../verb.ts';

/** What stands in the way; the exit code tells whether anything does. */
export const check: PerformVerb = async ({ actions, withSourceIfAny, context, print }) => {
  const findings = await actions.check(withSourceIfAny(), context);
  await print({ text: (page) => printCheck(findings, page), json: () => checkJson(findings) });
  return findings.some(isObstacle) ? 1 : 0;
};
