import { describe, expect, it } from 'vitest';
import {
  applyJson,
  cleanupJson,
  initializeJson,
  printApply,
  printCleanup,
  printInitialize,
  printRender,
  renderJson,
} from './reports.ts';

const v4 = { family: 'IPv4', services: 12, steps: 34, lines: 210, bytes: 9000, milliseconds: 17.6 } as const;
const v6 = { family: 'IPv6', services: 1, steps: 0, lines: 0, bytes: 0, milliseconds: 3 } as const;

describe('apply', () => {
  it('tells each family in a line', () => {
    expect(printApply([v4, v6])).toBe(
      'IPv4: 12 services, 34 steps, 210 lines, 18 ms\nIPv6: nothing to change\n',
    );
    expect(printApply([{ ...v6, steps: 1, lines: 1 }])).toBe('IPv6: 1 service, 1 step, 1 line, 3 ms\n');
  });

  it('tells all numbers as JSON', () => {
    expect(applyJson([v4])).toEqual({ families: [{ ...v4, milliseconds: 18 }] });
  });
});

describe('cleanup', () => {
  const nothing = { family: 'IPv4', variant: 'legacy', chains: 0, jumps: 0, kept: [] } as const;
  const something = {
    family: 'IPv4',
    variant: 'nft',
    chains: 34,
    jumps: 1,
    kept: ['nat KUBE-MARK-MASQ'],
  } as const;

  it('tells what was removed', () => {
    expect(printCleanup([nothing, something])).toBe(
      'IPv4 (legacy): nothing to remove\nIPv4 (nft): removed 34 chains and 1 rule of built-in chains\n' +
        '  kept nat KUBE-MARK-MASQ: a rule of somebody else leads to it\n',
    );
    expect(printCleanup([nothing])).toBe('nothing to remove\n');
    expect(printCleanup([])).toBe('nothing to remove\n');
    expect(cleanupJson([nothing])).toEqual({ removed: [nothing] });
  });
});

describe('render', () => {
  it('prints families one after the other, so that iptables-restore can read one', () => {
    const rendered = [{ family: 'IPv4', lines: ['*nat', 'COMMIT'] }] as const;
    expect(printRender(rendered)).toBe('# IPv4\n*nat\nCOMMIT\n');
    expect(renderJson(rendered)).toEqual({ families: rendered });
  });
});

describe('initialize', () => {
  it('tells what was set', () => {
    const changed = [{ setting: 'net/netfilter/nf_conntrack_max', value: 131_072 }];
    expect(printInitialize({ changed })).toBe('net/netfilter/nf_conntrack_max = 131072\n');
    expect(printInitialize({ changed: [] })).toBe('nothing to change\n');
    expect(initializeJson({ changed })).toEqual({ changed });
  });
});
