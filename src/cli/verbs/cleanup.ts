import { cleanupJson, printCleanup } from '../print/reports.ts';
import type { PerformVerb } from '../verb.ts';

/** Removes our rules and tells what there was. */
export const cleanup: PerformVerb = async ({ actions, options, context, print }) => {
  const reports = await actions.cleanup(options, context);
  await print({ text: () => printCleanup(reports), json: () => cleanupJson(reports) });
  return 0;
};
