import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Declared, declaredMetrics } from './metrics/declared.ts';
import { kubeProxyMetrics } from './metrics/kube-proxy.ts';
import { nodeplaneMetrics } from './metrics/nodeplane.ts';
import { processMetrics } from './metrics/process.ts';

const page = join(import.meta.dirname, '../../docs/metrics.md');
const text = readFileSync(page, 'utf8');
const tables = { 'kube-proxy': kubeProxyMetrics, nodeplane: nodeplaneMetrics, process: processMetrics };

describe('docs/metrics.md', () => {
  it('holds the tables of all metrics (vitest -u writes them)', async () => {
    let expected = text;
    for (const [name, metrics] of Object.entries(tables)) {
      const block = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
      expect(text).toMatch(block);
      expected = expected.replace(block, (_, start, end) => `${start}\n${table(metrics)}\n${end}`);
    }
    await expect(expected).toMatchFileSnapshot(page);
  });

  it('speaks of no other metric', () => {
    const named = text.match(/\b(?:kubeproxy|nodeplane|process|nodejs)_[a-z0-9_]+/g) ?? [];
    expect(named.filter((name) => !Object.hasOwn(declaredMetrics, name))).toEqual([]);
  });

  it('explains every label', () => {
    const labels = Object.values(declaredMetrics).flatMap((declared: Declared) => declared.labels);
    const own = ['version', 'commit', 'node_version', 'ok'];
    for (const label of new Set(labels)) {
      if (!own.includes(label)) expect(text).toContain(`| \`${label}\` |`);
    }
  });
});

describe('the names of metrics', () => {
  it.each<[string, Declared]>(Object.entries(declaredMetrics))(
    '%s follows the practice',
    (name, declared) => {
      expect(name).toMatch(/^(?:kubeproxy|nodeplane|process|nodejs)(?:_[a-z0-9]+)+$/);
      expect(declared.labels.every((label) => /^[a-z]+(?:_[a-z]+)*$/.test(label) && label !== 'le')).toBe(
        true,
      );
      if (declared.type === 'counter') expect(name).toMatch(/_total$/);
      else if (!name.startsWith('kubeproxy_')) expect(name).not.toMatch(/_total$/);
      expect(name).not.toMatch(/milliseconds|_ms\b|kilobytes|percent/);
      if (declared.type !== 'histogram') return;
      expect(declared.buckets).toEqual([...new Set(declared.buckets)].sort((one, other) => one - other));
    },
  );
});

function table(metrics: Readonly<Record<string, Declared>>): string {
  const rows = Object.entries(metrics).map(([name, { type, labels, help }]) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${shown} | ${help.replaceAll('|', '\\|')} |`;
  });
  return ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}
