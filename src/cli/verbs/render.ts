import { printRender, renderJson } from '../print/reports.ts';
import type { PerformVerb } from '../verb.ts';

/** The whole rule text. */
export const render: PerformVerb = async ({ actions, withSource, context, print }) => {
  const rendered = await actions.render(withSource(), context);
  await print({ text: () => printRender(rendered), json: () => renderJson(rendered) });
  return 0;
};
