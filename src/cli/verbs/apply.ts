import { applyJson, printApply } from '../print/reports.ts';
import type { PerformVerb } from '../verb.ts';

/** One sync, and what it did to each family. */
export const apply: PerformVerb = async ({ actions, withSource, context, print }) => {
  const reports = await actions.apply(withSource(), context);
  await print({ text: () => printApply(reports), json: () => applyJson(reports) });
  return 0;
};
