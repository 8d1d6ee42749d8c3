import { differenceCode } from '../exit.ts';
import { diffJson, printDiff } from '../print/diff.ts';
import type { PerformVerb } from '../verb.ts';

/** What apply would change; the exit code tells whether there is anything. */
export const diff: PerformVerb = async ({ actions, settings, withSource, context, print }) => {
  const comparison = await actions.diff(withSource(), context);
  await print({
    text: (page) => printDiff(comparison, { rules: settings.rules }, page),
    json: () => diffJson(comparison),
  });
  const differs = comparison.changes.length + comparison.drift.length > 0;
  return differs ? differenceCode(settings.detailedExitcode) : 0;
};
