import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { declaredMetrics } from '../../../src/observe/metrics/declared.ts';

export const deployDirectory = join(import.meta.dirname, '../../../deploy');

/** The one place where alerts are written; all others are made from it. */
export const rulesFile = join(deployDirectory, 'monitoring/rules.yaml');

/** An alert of Prometheus. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function readAlerts(text = readFileSync(rulesFile, 'utf8')): readonly Alert[] {
  const file: { readonly groups: readonly { readonly rules: readonly Alert[] }[] } = parse(text);
  return file.groups.flatMap(({ rules }) => rules);
}

/** The rules as the object that the Prometheus operator takes. */
export function prometheusRule(rules: string): string {
  const groups = rules.slice(rules.indexOf('\ngroups:') + 1);
  return [
    '# rules.yaml for the Prometheus operator. Written by: npx vitest run --project unit test/cluster/deploy -u',
    'apiVersion: monitoring.coreos.com/v1',
    'kind: PrometheusRule',
    'metadata:',
    '  name: nodeplane',
    '  namespace: kube-system',
    '  labels:',
    '    app.kubernetes.io/name: nodeplane',
    'spec:',
    groups.replaceAll(/^(?=.)/gm, '  '),
  ].join('\n');
}

/** Metrics that Prometheus makes itself. */
const prometheusMetrics = ['up'];

/** Names of metrics in an expression that nodeplane does not have. */
export function unknownMetrics(expression: string): readonly string[] {
  return metricsOf(expression).filter((name) => !prometheusMetrics.includes(name) && !isShown(name));
}

/** Words of PromQL that are neither functions, nor keywords, nor labels. */
export function metricsOf(expression: string): readonly string[] {
  const withoutLabels = expression
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\b(?:by|on|ignoring|without)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ');
  const words = withoutLabels.match(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/gi) ?? [];
  const keywords = ['and', 'or', 'unless', 'by', 'on', 'sum', 'count'];
  return [...new Set(words.filter((word) => !keywords.includes(word)))];
}

/** Labels that an expression, or the text of an annotation, names. */
export function labelsOf(text: string): readonly string[] {
  const matchers = [...text.matchAll(/\{([^}]*)\}/g)].flatMap(
    ([, inner]) => inner?.match(/\w+(?=\s*[=!])/g) ?? [],
  );
  const grouped = [...text.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(
    ([, inner]) => inner?.split(/[\s,]+/) ?? [],
  );
  const templated = [...text.matchAll(/\$labels\.(\w+)/g)].flatMap(([, label]) => label ?? []);
  return [...new Set([...matchers, ...grouped, ...templated])];
}

/** Histograms show three series. */
function isShown(name: string): boolean {
  if (Object.hasOwn(declaredMetrics, name)) return true;
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  return Object.entries(declaredMetrics).some(([each, { type }]) => each === base && type === 'histogram');
}
