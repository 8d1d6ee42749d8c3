import { describe, expect, it } from 'vitest';
import { NodeplaneError } from '../../errors.ts';
import { errorJson, printError, tellable } from './error.ts';
import { createPage } from './page.ts';

const page = createPage({ colour: false, columns: 80 });

describe('printError', () => {
  it('has code, message and remedy', () => {
    expect(printError(new NodeplaneError('NP-KERNEL-003', { seconds: 30000 }), page)).toBe(
      'error NP-KERNEL-003: Another program held the xtables lock for longer than\n' +
        '  30000 s.\n' +
        '  remedy: Find the holder with `lslocks | grep xtables`; nothing was changed,\n' +
        '  the next sync tries again.\n',
    );
  });

  it('keeps within 80 columns and keeps line feeds', () => {
    const error = new NodeplaneError('NP-CONFIG-002', {
      file: 'a.yaml',
      problems: '\na.yaml:1:2: x\na.yaml:2:2: y',
    });
    const text = printError(error, page);
    expect(text).toContain('\n  a.yaml:1:2: x\n  a.yaml:2:2: y\n  remedy: ');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('lets nothing move the cursor', () => {
    const error = new NodeplaneError('NP-KERNEL-007', { program: 'x', reason: 'a\u001b[2J\u0007\r' });
    expect(printError(error, page)).toContain('a\\u{1b}[2J\\u{7}\\u{d}');
  });

  it('paints the first words', () => {
    const text = printError(new NodeplaneError('NP-CLI-001'), createPage({ colour: true, columns: 80 }));
    expect(text.startsWith('\u001b[31merror NP-CLI-001:\u001b[39m No source')).toBe(true);
  });
});

describe('errorJson', () => {
  it('has the same three parts', () => {
    expect(errorJson(new NodeplaneError('NP-CLI-001'))).toEqual({
      error: {
        code: 'NP-CLI-001',
        message: 'No source of objects was given.',
        remedy:
          'Name a kubeconfig with --kubeconfig FILE, or a directory of Service and EndpointSlice YAML with --manifests DIR.',
      },
    });
  });
});

describe('tellable', () => {
  it('gives a code to what has none, and keeps it as the cause', () => {
    const bug = new TypeError('x is not a function');
    expect(tellable(bug)).toMatchObject({ code: 'NP-CLI-006', cause: bug });
    expect(tellable('text').message).toContain('text');
    const known = new NodeplaneError('NP-CLI-001');
    expect(tellable(known)).toBe(known);
  });
});
