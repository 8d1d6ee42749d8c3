import { NodeplaneError, toError } from '../../errors.ts';
import type { Page } from './page.ts';
import { wrap } from './text.ts';

/** `error NP-KERNEL-003: what happened`, wrapped, with the remedy below. */
export function printError(
  error: NodeplaneError,
  page: Page,
  severity: 'error' | 'warning' = 'error',
): string {
  const ink = severity === 'error' ? 'removed' : 'changed';
  const [first = '', ...more] = wrap(
    visible(`${severity} ${error.code}: ${error.message}`),
    page.columns - 2,
  );
  const head = first.replace(/^\w+ [\w-]+:/, (text) => page.paint(ink, text));
  const remedy = wrap(visible(`remedy: ${error.remedy}`), page.columns - 2);
  return [head, ...[...more, ...remedy].map((line) => `  ${line}`), ''].join('\n');
}

export function errorJson(error: NodeplaneError): unknown {
  return { error: { code: error.code, message: error.message, remedy: error.remedy } };
}

/** What was thrown, as an error that a user can be told. */
export function tellable(thrown: unknown): NodeplaneError {
  if (thrown instanceof NodeplaneError) return thrown;
  return new NodeplaneError('NP-CLI-006', { reason: toError(thrown).message }, thrown);
}

/** Keeps line feeds, and makes every other control character one that no terminal obeys. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16) ?? ''}}`);
}
