import { expect, it } from 'vitest';
import { createPage, wantsColour } from './page.ts';

it.each<[boolean, Record<string, string>, boolean]>([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [false, { FORCE_COLOR: '' }, true],
  [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
])('terminal %s with %j has colour: %s', (terminal, environment, expected) => {
  expect(wantsColour(terminal, environment)).toBe(expected);
});

it('paints only when there is colour', () => {
  expect(createPage({ colour: true, columns: 80 }).paint('added', '+')).toBe('\u001b[32m+\u001b[39m');
  expect(createPage({ colour: false, columns: 80 }).paint('added', '+')).toBe('+');
});
