import { expect, it } from 'vitest';
import { allCodes, errorKinds, NodeplaneError } from './errors.ts';

const introduction = `# Errors and findings

Every error names its code, what happened, and what to do. This page is made from the code
(\`src/errors.ts\`, \`src/model/finding.ts\`); a test keeps both equal. \`{words in braces}\` are filled in.

\`NP-CLI\` the command line · \`NP-CONFIG\` configuration · \`NP-SOURCE\` where objects come from ·
\`NP-OBJECT\` a single object, which never stops the others · \`NP-RULES\` rule text ·
\`NP-KERNEL\` programs and the kernel.

| code | what it says | what to do |
| --- | --- | --- |
`;

it('docs/errors.md lists every code as it is in the code', async () => {
  const rows = allCodes().map(
    ({ code, text, remedy }) => `| \`${code}\` | ${cell(text)} | ${cell(remedy)} |\n`,
  );
  await expect(introduction + rows.join('')).toMatchFileSnapshot('../docs/errors.md');
});

it('codes are used once, for an error or for a finding', () => {
  const codes = allCodes().map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});

it('a message is filled with its parameters and keeps the cause', () => {
  const cause = new Error('deeper');
  const error = new NodeplaneError('NP-CONFIG-001', { file: 'kp.yaml', reason: 'ENOENT' }, cause);
  expect(error.message).toBe('The configuration file kp.yaml cannot be read: ENOENT.');
  expect(error.cause).toBe(cause);
  expect(error.remedy).toBe(errorKinds['NP-CONFIG-001'].remedy);
});

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
