import type { Family } from '../../model/address.ts';
import { tableNames } from '../../rules/iptables/objects.ts';
import type { SyncReport } from '../happening.ts';
import { codeOf } from './code.ts';
import type { Instruments } from './instruments.ts';

export interface SyncMetricsOptions {
  readonly instruments: Instruments;
  readonly families: readonly Family[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What syncs did and how long they took. */
export function hearSyncs(options: SyncMetricsOptions) {
  const { families, now } = options;
  const metrics = declare(options.instruments);
  for (const family of families) showFromTheStart(metrics, family);
  const started = now();

  return {
    syncQueued: (family: Family): void => metrics.lastQueued.set({ ip_family: family }, now() / 1000),
    syncEnded: (report: SyncReport): void => {
      const labels = { ip_family: report.family };
      const seconds = report.milliseconds / 1000;
      metrics.duration.observe(labels, seconds);
      (report.full ? metrics.fullDuration : metrics.partialDuration).observe(labels, seconds);
      if (report.partialFailed) metrics.partialFailures.inc(labels);
      if (report.error === undefined) succeeded(metrics, report, { now: now(), started });
      else failed(metrics, report, report.error);
    },
  };
}

type SyncMetrics = ReturnType<typeof declare>;

function declare(instruments: Instruments) {
  return {
    duration: instruments.histogram('kubeproxy_sync_proxy_rules_duration_seconds'),
    fullDuration: instruments.histogram('kubeproxy_sync_full_proxy_rules_duration_seconds'),
    partialDuration: instruments.histogram('kubeproxy_sync_partial_proxy_rules_duration_seconds'),
    last: instruments.gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds'),
    lastQueued: instruments.gauge('kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds'),
    programming: instruments.histogram('kubeproxy_network_programming_duration_seconds'),
    restoreFailures: instruments.counter('kubeproxy_sync_proxy_rules_iptables_restore_failures_total'),
    partialFailures: instruments.counter(
      'kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total',
    ),
    rules: instruments.gauge('kubeproxy_sync_proxy_rules_iptables_total'),
    lastRules: instruments.gauge('kubeproxy_sync_proxy_rules_iptables_last'),
    noLocal: instruments.gauge('kubeproxy_sync_proxy_rules_no_local_endpoints_total'),
    failures: instruments.counter('nodeplane_sync_failures_total'),
    servicePorts: instruments.gauge('nodeplane_service_ports'),
    quarantined: instruments.gauge('nodeplane_quarantined_service_ports'),
    steps: instruments.histogram('nodeplane_plan_steps'),
    bytes: instruments.histogram('nodeplane_plan_bytes'),
    lastSteps: instruments.gauge('nodeplane_last_plan_steps'),
    lastBytes: instruments.gauge('nodeplane_last_plan_bytes'),
  };
}

/** A series that begins at 0 has a rate from its first event on. Times of what has not happened yet are not shown. */
function showFromTheStart(metrics: SyncMetrics, family: Family): void {
  const labels = { ip_family: family };
  const { duration, fullDuration, partialDuration, programming, steps, bytes } = metrics;
  for (const each of [duration, fullDuration, partialDuration, programming, steps, bytes]) each.zero(labels);
  for (const each of [metrics.restoreFailures, metrics.partialFailures]) each.inc(labels, 0);
  const { servicePorts, quarantined, lastSteps, lastBytes } = metrics;
  for (const each of [servicePorts, quarantined, lastSteps, lastBytes]) each.set(labels, 0);
  for (const table of tableNames) {
    metrics.rules.set({ table, ...labels }, 0);
    metrics.lastRules.set({ table, ...labels }, 0);
  }
  for (const policy of ['internal', 'external'])
    metrics.noLocal.set({ traffic_policy: policy, ...labels }, 0);
}

function succeeded(
  metrics: SyncMetrics,
  report: SyncReport,
  time: { readonly now: number; readonly started: number },
): void {
  const { family, cost, rules, withoutLocalEndpoints } = report;
  const labels = { ip_family: family };
  metrics.last.set(labels, time.now / 1000);
  metrics.servicePorts.set(labels, report.servicePorts);
  metrics.quarantined.set(labels, report.quarantined.length);
  for (const table of tableNames) {
    metrics.rules.set({ table, ...labels }, rules[table].total);
    metrics.lastRules.set({ table, ...labels }, rules[table].written);
  }
  metrics.noLocal.set({ traffic_policy: 'internal', ...labels }, withoutLocalEndpoints.internal);
  metrics.noLocal.set({ traffic_policy: 'external', ...labels }, withoutLocalEndpoints.external);
  tellCost(metrics, labels, cost);
  // As kube-proxy: what was triggered before we started waited for us, and not for the network. Clocks may disagree; time never runs back.
  for (const triggered of report.triggeredAt) {
    if (triggered > time.started)
      metrics.programming.observe(labels, Math.max(0, time.now - triggered) / 1000);
  }
}

function tellCost(
  metrics: SyncMetrics,
  labels: { readonly ip_family: Family },
  { steps, bytes }: SyncReport['cost'],
): void {
  metrics.steps.observe(labels, steps);
  metrics.bytes.observe(labels, bytes);
  if (steps === 0) return;
  metrics.lastSteps.set(labels, steps);
  metrics.lastBytes.set(labels, bytes);
}

function failed(metrics: SyncMetrics, { family }: SyncReport, error: Error): void {
  const labels = { ip_family: family };
  const code = codeOf(error);
  metrics.failures.inc({ ...labels, code });
  if (code.startsWith('NP-KERNEL-')) metrics.restoreFailures.inc(labels);
}
