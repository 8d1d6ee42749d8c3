import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../model/finding.ts';
import { findingJson, printFindings } from './findings.ts';
import { createPage } from './page.ts';

const page = createPage({ colour: false, columns: 80 });

function finding(over: Partial<Finding>): Finding {
  return {
    code: 'NP-OBJECT-001',
    object: 'Service default/web',
    field: 'spec.ports[0].port',
    reason: '70000 is not between 1 and 65535',
    ...over,
  };
}

describe('printFindings', () => {
  it('groups by code and tells each remedy once', async () => {
    const findings = [
      finding({}),
      finding({ code: 'NP-SOURCE-001', object: 'File web.yaml:12:3', field: '', reason: 'bad indentation' }),
      finding({ object: 'Service shop/cart' }),
    ];
    const golden = join(import.meta.dirname, '../../../test/testdata/cli/findings.txt');
    await expect(printFindings(findings, page)).toMatchFileSnapshot(golden);
  });

  it('counts what is more than a screen', () => {
    const many = Array.from({ length: 1000 }, (_, index) =>
      finding({ object: `Service default/web-${index}` }),
    );
    const lines = printFindings(many, page).split('\n');
    expect(lines.length).toBeLessThan(16);
    expect(lines).toContain('  and 990 more warnings of this kind; --output json prints all');
  });

  it('lets no name break a line', () => {
    const text = printFindings(
      [finding({ object: 'Service a\nwarning b\u001b[1m', reason: 'x\r\ny' })],
      page,
    );
    expect(text.split('\n')[0]).toBe(
      'warning NP-OBJECT-001 Service a\\nwarning b\\u{1b}[1m spec.ports[0].port: x\\r\\ny',
    );
  });
});

describe('findingJson', () => {
  it('carries all fields', () => {
    expect(findingJson(finding({}))).toEqual({
      warning: {
        code: 'NP-OBJECT-001',
        object: 'Service default/web',
        field: 'spec.ports[0].port',
        reason: '70000 is not between 1 and 65535',
        remedy: 'Correct the field. The last good state of the object stays programmed until then.',
      },
    });
  });
});
