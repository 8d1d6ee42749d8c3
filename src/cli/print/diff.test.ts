import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChainDrift, Comparison, ServiceChange } from '../../rules/comparison.ts';
import { diffJson, printDiff } from './diff.ts';
import { createPage } from './page.ts';

const plain = createPage({ colour: false, columns: 80 });
const golden = (name: string): string => join(import.meta.dirname, '../../../test/testdata/cli', name);

function change(over: Partial<ServiceChange>): ServiceChange {
  return {
    service: 'default/web:http',
    family: 'IPv4',
    protocol: 'TCP',
    addresses: ['172.30.0.41:80/tcp'],
    action: 'change',
    before: { endpoints: 3, affinitySeconds: undefined },
    after: { endpoints: 4, affinitySeconds: undefined },
    details: [],
    rules: { added: [], removed: [] },
    ...over,
  };
}

function drifted(over: Partial<ChainDrift>): ChainDrift {
  return {
    family: 'IPv4',
    table: 'nat',
    chain: 'KUBE-SVC-BT7XFJ7HXAVCBGCH',
    service: 'default/web:http',
    added: [],
    removed: [],
    missing: false,
    ...over,
  };
}

const none = { endpoints: 0, affinitySeconds: undefined };

const comparison: Comparison = {
  changes: [
    change({
      service: 'shop/old:http',
      addresses: ['172.30.0.9:80/tcp'],
      action: 'remove',
      before: { endpoints: 1, affinitySeconds: undefined },
      after: undefined,
    }),
    change({
      details: ['endpoint +10.1.0.4:8080 -10.1.0.3:8080', `address ${'+192.0.2.7:80/tcp '.repeat(40)}`],
      rules: {
        added: [
          '-A KUBE-SVC-BT7XFJ7HXAVCBGCH -m comment --comment "default/web:http -> 10.1.0.4:8080" -j KUBE-SEP-6Q2B',
          '-A KUBE-SEP-6Q2B -p tcp -m tcp -j DNAT --to-destination 10.1.0.4:8080',
        ],
        removed: [
          '-A KUBE-SVC-BT7XFJ7HXAVCBGCH -m comment --comment "default/web:http -> 10.1.0.3:8080" -j KUBE-SEP-AAAA',
        ],
      },
    }),
    change({
      service: 'default/cart:grpc',
      addresses: ['172.30.0.50:9000/tcp', '192.0.2.10:9000/tcp', 'node port 30900/tcp'],
      action: 'add',
      before: undefined,
      after: { endpoints: 2, affinitySeconds: 10_800 },
      details: ['affinity on (10800 s)'],
    }),
    change({
      service: 'default/dns',
      protocol: 'UDP',
      addresses: ['[fd00:10:96::a]:53/udp'],
      family: 'IPv6',
      before: none,
      after: { endpoints: 1, affinitySeconds: undefined },
    }),
    change({
      service: 'default/dns',
      protocol: 'UDP',
      addresses: ['172.30.0.10:53/udp'],
      details: ['source range -192.0.2.0/24', 'affinity off'],
      after: { endpoints: 3, affinitySeconds: undefined },
    }),
    change({
      service: 'default/empty',
      addresses: ['172.30.0.11:1/tcp'],
      action: 'add',
      before: undefined,
      after: none,
    }),
    change({
      service: `${'n'.repeat(63)}/${'s'.repeat(63)}:p`,
      addresses: ['172.30.0.12:1/tcp'],
      action: 'add',
      before: undefined,
      after: none,
    }),
    change({
      service: 'node',
      protocol: undefined,
      addresses: [],
      before: undefined,
      after: undefined,
      details: ['rules of the node changed'],
    }),
  ],
  drift: [
    drifted({
      added: ['-A KUBE-SVC-BT7XFJ7HXAVCBGCH -j ACCEPT'],
      removed: ['-A KUBE-SVC-BT7XFJ7HXAVCBGCH -j KUBE-SEP-AAAA', '-A X'],
    }),
    drifted({ chain: 'KUBE-SERVICES', service: undefined, family: 'IPv6', missing: true }),
    drifted({ chain: 'KUBE-FORWARD', service: undefined, table: 'filter' }),
  ],
};

describe('printDiff', () => {
  it('prints one line per Service port, then what others did, then the sums', async () => {
    await expect(printDiff(comparison, { rules: false }, plain)).toMatchFileSnapshot(golden('diff.txt'));
  });

  it('shows the rule lines when asked', async () => {
    await expect(printDiff(comparison, { rules: true }, plain)).toMatchFileSnapshot(golden('diff-rules.txt'));
  });

  it('has the shape of the contract as JSON', async () => {
    const json = `${JSON.stringify(diffJson(comparison), undefined, 2)}\n`;
    await expect(json).toMatchFileSnapshot(golden('diff.json'));
  });

  it('paints the signs', () => {
    const coloured = createPage({ colour: true, columns: 80 });
    const text = printDiff({ changes: [change({})], drift: [] }, { rules: false }, coloured);
    expect(text).toBe(
      '\u001b[33m~\u001b[39m default/web:http  172.30.0.41:80/tcp  3 → 4 endpoints\n' +
        '\u001b[1m0 to add, 1 to change, 0 to remove, 0 drifted\u001b[22m\n',
    );
  });

  it('says when there is nothing', () => {
    expect(printDiff({ changes: [], drift: [] }, { rules: true }, plain)).toBe('nothing to change\n');
    expect(diffJson({ changes: [], drift: [] })).toEqual({
      changes: [],
      drift: [],
      summary: { add: 0, change: 0, remove: 0, drift: 0 },
    });
  });

  it('does not depend on the order of its input', () => {
    const turned = { changes: comparison.changes.toReversed(), drift: comparison.drift.toReversed() };
    expect(printDiff(turned, { rules: true }, plain)).toBe(printDiff(comparison, { rules: true }, plain));
    expect(diffJson(turned)).toEqual(diffJson(comparison));
  });

  it('lets no name break a line or move the cursor', () => {
    const hostile = 'default/x\n- shop/all\u001b[2J';
    const rules = { added: [`-A X --comment "${hostile}"`], removed: [] };
    const text = printDiff(
      {
        changes: [change({ service: hostile, details: [hostile], rules })],
        drift: [drifted({ chain: hostile })],
      },
      { rules: true },
      plain,
    );
    expect(text.split('\n')).toHaveLength(6);
    expect(text).not.toContain('\u001b');
  });
});
