import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declaredMetrics } from '../../../src/observe/metrics/declared.ts';
import {
  deployDirectory,
  labelsOf,
  metricsOf,
  prometheusRule,
  readAlerts,
  rulesFile,
  unknownMetrics,
} from './alert-rules.ts';

const runbooks = join(deployDirectory, '../docs/runbooks');
const rules = readFileSync(rulesFile, 'utf8');
const alerts = readAlerts(rules);

describe('the rules', () => {
  it('are the same for the operator (vitest -u writes them)', async () => {
    await expect(prometheusRule(rules)).toMatchFileSnapshot(
      join(deployDirectory, 'monitoring/prometheus-rule.yaml'),
    );
    expect(
      readAlerts(
        prometheusRule(rules)
          .replace(/^spec:\n/m, '')
          .replaceAll(/^ {2}/gm, ''),
      ),
    ).toEqual(alerts);
  });

  it('are the same in the chart (vitest -u writes them)', async () => {
    await expect(rules).toMatchFileSnapshot(join(deployDirectory, 'charts/nodeplane/files/rules.yaml'));
  });

  it('are tried by promtool, each', () => {
    const tests = readFileSync(join(deployDirectory, 'monitoring/rules.test.yaml'), 'utf8');
    for (const { alert } of alerts) expect(tests).toContain(alert);
  });

  it('find a name that nobody shows', () => {
    const expression =
      'sum by (a) (rate(nodeplane_drift_total{x="y"}[5m])) / on (b) nodeplane_dirft_total > 5';
    expect(metricsOf(expression)).toEqual(['nodeplane_drift_total', 'nodeplane_dirft_total']);
    expect(unknownMetrics(expression)).toEqual(['nodeplane_dirft_total']);
    expect(unknownMetrics('nodeplane_plan_bytes_bucket + nodeplane_drift_total_bucket')).toEqual([
      'nodeplane_drift_total_bucket',
    ]);
  });
});

describe.each(alerts.map((alert) => [alert.alert, alert] as const))('%s', (name, alert) => {
  it('asks for metrics and labels that there are', () => {
    expect(metricsOf(alert.expr)).not.toEqual([]);
    expect(unknownMetrics(alert.expr)).toEqual([]);
    const labels = Object.values(declaredMetrics).flatMap((each): readonly string[] => each.labels);
    const known = ['job', 'instance', 'le', ...labels];
    const told = [alert.expr, ...Object.values(alert.annotations)].flatMap(labelsOf);
    expect(told.filter((label) => !known.includes(label))).toEqual([]);
  });

  it('says how bad it is, since when, and what to do', () => {
    expect(alert.labels).toEqual({ severity: expect.stringMatching(/^(?:critical|warning|info)$/) });
    expect(alert.for).toMatch(/^\d+[mh]$/);
    expect(Object.keys(alert.annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
    expect(alert.annotations['runbook_url']).toBe(`docs/runbooks/${name}.md`);
  });

  it('has its runbook', () => {
    const text = readFileSync(join(runbooks, `${name}.md`), 'utf8');
    const headings = text.match(/^#+ .*$/gm);
    expect(headings).toEqual([`# ${name}`, '## Meaning', '## Impact', '## Diagnosis', '## Remedy']);
    expect(text).toMatch(/## Diagnosis\n[\s\S]*```sh\n[\s\S]*## Remedy/);
    expect(text).toContain(`**${alert.labels['severity']}**`);
  });
});

describe('docs/runbooks', () => {
  it('has none for an alert that does not exist', () => {
    const known = ['README.md', ...alerts.map(({ alert }) => `${alert}.md`)];
    expect(readdirSync(runbooks).sort()).toEqual(known.sort());
  });

  it('lists them all', () => {
    const text = readFileSync(join(runbooks, 'README.md'), 'utf8');
    for (const { alert } of alerts) expect(text).toContain(`[${alert}](${alert}.md)`);
  });

  it('names metrics that there are', () => {
    for (const file of readdirSync(runbooks)) {
      const text = readFileSync(join(runbooks, file), 'utf8');
      const named = text.match(/\b(?:kubeproxy|nodeplane|process|nodejs)_[a-z0-9_]+/g) ?? [];
      expect([...new Set(named)].flatMap(unknownMetrics), file).toEqual([]);
    }
  });
});
