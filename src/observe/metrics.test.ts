import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { bucketsOf, parseExposition, type ShownFamily } from '../../test/observe/exposition.ts';
import { snapshotHeard, syncEnded } from '../../test/observe/happenings.ts';
import { NodeplaneError } from '../errors.ts';
import type { Happening } from './happening.ts';
import { declaredMetrics } from './metrics/declared.ts';
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts';

const testdata = join(import.meta.dirname, '../../test/testdata/metrics');
const start = Date.UTC(2026, 0, 1);

const open: Metrics[] = [];
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.stop();
});

/** Metrics with a clock that stands at `start` until it is moved. */
function metricsWith(more: Partial<MetricsOptions> = {}) {
  const clock = { now: start };
  const metrics = createMetrics({
    families: ['IPv4', 'IPv6'],
    build: { version: '1.2.3', commit: 'abc' },
    now: () => clock.now,
    ...more,
  });
  open.push(metrics);
  const tell = (...happenings: readonly Happening[]): void => {
    for (const happening of happenings) metrics.observe(happening);
  };
  const shown = async (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const samples = parseExposition(await metrics.text()).flatMap((family) => family.samples);
    const found = samples.filter((each) => each.name === name);
    return found.find((each) => Object.entries(labels).every(([label, text]) => each.labels[label] === text))
      ?.value;
  };
  return { metrics, clock, tell, shown };
}

const first = snapshotHeard(3, 4);
const second = snapshotHeard(1, 0);
const rules = {
  mangle: { total: 2, written: 0 },
  filter: { total: 9, written: 3 },
  nat: { total: 30, written: 20 },
};
const failure = new NodeplaneError('NP-KERNEL-003', { seconds: 5 });

const story: readonly Happening[] = [
  {
    kind: 'source',
    event: { kind: 'listed', resource: 'Service', how: 'watch-list', objects: 3, milliseconds: 4 },
  },
  { kind: 'source', event: { kind: 'listed', resource: 'Node', how: 'list', objects: 1, milliseconds: 4 } },
  first,
  { kind: 'sync-queued', family: 'IPv4' },
  { kind: 'sync-queued', family: 'IPv6' },
  { kind: 'program-ended', program: 'iptables-restore', milliseconds: 7, ok: true },
  syncEnded({
    snapshot: first.snapshot,
    cost: { steps: 12, lines: 60, bytes: 5000 },
    rules,
    withoutLocalEndpoints: { internal: 1, external: 2 },
    triggeredAt: [start - 1, start + 900],
  }),
  syncEnded({
    family: 'IPv6',
    full: false,
    partialFailed: true,
    milliseconds: 2500,
    error: failure,
    snapshot: first.snapshot,
  }),
  { kind: 'program-ended', program: 'ip6tables-restore', milliseconds: 2100, ok: false },
  second,
  syncEnded({ full: false, milliseconds: 1, snapshot: second.snapshot, quarantined: ['a/b:c/tcp'], rules }),
  syncEnded({ family: 'IPv6', snapshot: first.snapshot }),
  { kind: 'flows-removed', family: 'IPv4', entries: 5, milliseconds: 3 },
  {
    kind: 'findings-stand',
    findings: [{ code: 'NP-OBJECT-005', object: 'Node node-1', field: '', reason: 'x' }],
  },
  { kind: 'drift-found', family: 'IPv4', chains: ['KUBE-SERVICES'] },
  { kind: 'source', event: { kind: 'heard', resource: 'Service' } },
  { kind: 'source', event: { kind: 'resumed', resource: 'Service' } },
  {
    kind: 'source',
    event: {
      kind: 'failed',
      resource: 'EndpointSlice',
      error: new Error('x'),
      unchanged: false,
      retryMilliseconds: 1,
    },
  },
  { kind: 'source', event: { kind: 'without', resource: 'ServiceCIDR', reason: 'x' } },
  { kind: 'config-refused', error: new Error('x') },
  { kind: 'probe-answered', probe: 'healthz', status: 200 },
  { kind: 'probe-answered', probe: 'livez', status: 503 },
  { kind: 'listen-failed', server: 'metrics', service: undefined, error: new Error('x') },
];

describe('the exposition', () => {
  it('is what it was after a known row of happenings', async () => {
    const { metrics, clock, tell } = metricsWith({
      readNfacct: () => Promise.resolve({ invalidDropped: 7, localhostNodePorts: 8 }),
      readConntrackFill: () => Promise.resolve({ entries: 120, max: 131_072 }),
    });
    clock.now = start + 1000;
    tell(...story);
    const text = await metrics.text();
    parseExposition(text);
    const steady = text
      .replace(/^((?:process|nodejs)_\S+) .*$/gm, '$1 …')
      .replace(/^nodeplane_findings\S+ 0\n/gm, '')
      .replace(/node_version="[^"]*"/, 'node_version="…"');
    await expect(steady).toMatchFileSnapshot(join(testdata, 'nodeplane.txt'));
    expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('shows every metric that is declared, as it is declared', async () => {
    const families = parseExposition(await metricsWith().metrics.text());
    const shown = families.map(({ name, type, help }) => [name, { type, help }]);
    const declared = Object.entries(declaredMetrics).map(([name, { type, help }]) => [name, { type, help }]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(declared));
  });

  it('grows with no happening that comes again', async () => {
    const { metrics, tell } = metricsWith();
    tell(...story);
    const lines = (await metrics.text()).split('\n').length;
    for (let round = 0; round < 20; round++) tell(...story);
    for (let each = 0; each < 500; each++)
      tell({ kind: 'program-ended', program: `hostile-${each}`, milliseconds: 1, ok: true });
    expect((await metrics.text()).split('\n').length).toBeLessThan(lines + 40 * 20);
  });
});

describe('the metrics of kube-proxy', () => {
  const theirs = parseExposition(readFileSync(join(testdata, 'kube-proxy-1.36.3.txt'), 'utf8'));

  it.each(theirs.map((family) => [family.name, family] as const))(
    '%s has the same type, labels, buckets and meaning as in a scrape of the real one',
    async (name, family) => {
      const { metrics, tell } = metricsWith({
        readNfacct: () => Promise.resolve({ invalidDropped: 7, localhostNodePorts: 8 }),
      });
      tell(...story);
      const own = parseExposition(await metrics.text()).find((each) => each.name === name);
      expect(own?.type).toBe(family.type);
      expect(labelNames(own)).toEqual(labelNames(family));
      expect(boundsOf(own)).toEqual(boundsOf(family));
      const help = family.help.replace('[ALPHA] ', '').replace('kube-proxy', 'the proxy').toLowerCase();
      expect(own?.help.toLowerCase().startsWith(help)).toBe(true);
      for (const { labels } of family.samples) {
        expect(own?.samples.map((sample) => sample.labels)).toContainEqual(labels);
      }
    },
  );

  it('are all that iptables mode registers in metrics.go; two of them show only after a failure', () => {
    const failures = [
      'kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total',
      'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
    ] as const;
    const own = Object.keys(declaredMetrics).filter((name) => name.startsWith('kubeproxy_'));
    expect(own.sort()).toEqual([...theirs.map(({ name }) => name), ...failures].sort());
    for (const name of failures) {
      expect(declaredMetrics[name].type).toBe('counter');
      expect(declaredMetrics[name].labels).toEqual(['ip_family']);
    }
  });
});

function labelNames(family: ShownFamily | undefined): readonly string[] {
  const names = new Set(family?.samples.flatMap(({ labels }) => Object.keys(labels)));
  return [...names].sort();
}

function boundsOf(family: ShownFamily | undefined): readonly number[] {
  return family === undefined ? [] : bucketsOf(family, { ip_family: 'IPv4' }).map(({ bound }) => bound);
}

describe('pending changes', () => {
  const pending = 'kubeproxy_sync_proxy_rules_service_changes_pending';
  const slices = 'kubeproxy_sync_proxy_rules_endpoint_changes_pending';

  it('wait for every family', async () => {
    const { tell, shown } = metricsWith();
    tell(first);
    expect([await shown(pending), await shown(slices)]).toEqual([3, 4]);
    tell(syncEnded({ snapshot: first.snapshot }));
    expect(await shown(pending)).toBe(3);
    tell(syncEnded({ family: 'IPv6', snapshot: first.snapshot }));
    expect([await shown(pending), await shown(slices)]).toEqual([0, 0]);
    expect(await shown('kubeproxy_sync_proxy_rules_service_changes_total')).toBe(3);
  });

  it('stay when a sync fails, and when it was of an older snapshot', async () => {
    const { tell, shown } = metricsWith({ families: ['IPv4'] });
    tell(first, syncEnded({ snapshot: first.snapshot, error: failure }));
    expect(await shown(pending)).toBe(3);
    tell(second, syncEnded({ snapshot: first.snapshot }));
    expect([await shown(pending), await shown(slices)]).toEqual([1, 0]);
    tell(syncEnded({ snapshot: second.snapshot }));
    expect(await shown(pending)).toBe(0);
    tell(syncEnded({ snapshot: snapshotHeard(0, 0).snapshot }));
    expect(await shown(pending)).toBe(0);
  });
});

describe('the time that programming takes', () => {
  const count = 'kubeproxy_network_programming_duration_seconds_count';
  const sum = 'kubeproxy_network_programming_duration_seconds_sum';

  it('is from the trigger to now, without what was triggered before the start', async () => {
    const { tell, clock, shown } = metricsWith();
    clock.now = start + 3000;
    tell(syncEnded({ triggeredAt: [start - 1, start, start + 1000, start + 2500] }));
    expect(await shown(count, { ip_family: 'IPv4' })).toBe(2);
    expect(await shown(sum, { ip_family: 'IPv4' })).toBe(2.5);
    expect(await shown(count, { ip_family: 'IPv6' })).toBe(0);
  });

  it('is not told of a sync that failed, and never runs back', async () => {
    const { tell, shown } = metricsWith();
    tell(syncEnded({ triggeredAt: [start + 1000], error: failure }));
    expect(await shown(count, { ip_family: 'IPv4' })).toBe(0);
    tell(syncEnded({ triggeredAt: [start + 60_000] }));
    expect([await shown(count, { ip_family: 'IPv4' }), await shown(sum, { ip_family: 'IPv4' })]).toEqual([
      1, 0,
    ]);
  });
});

describe('failed syncs', () => {
  it('count as restore failures when a program of the kernel failed, and as partial ones unless full', async () => {
    const { tell, shown } = metricsWith();
    tell(
      syncEnded({ error: failure }),
      syncEnded({ error: new Error('a mistake of ours'), partialFailed: true }),
    );
    const labels = { ip_family: 'IPv4' };
    expect(await shown('kubeproxy_sync_proxy_rules_iptables_restore_failures_total', labels)).toBe(1);
    expect(await shown('kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total', labels)).toBe(1);
    expect(await shown('nodeplane_sync_failures_total', { ...labels, code: 'NP-KERNEL-003' })).toBe(1);
    expect(await shown('nodeplane_sync_failures_total', { ...labels, code: 'none' })).toBe(1);
    expect(await shown('kubeproxy_sync_proxy_rules_last_timestamp_seconds', labels)).toBeUndefined();
  });
});

describe('numbers of the kernel', () => {
  const invalid = 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total';
  const limit = 'nodeplane_conntrack_entries_limit';

  it('follow the kernel, and are absent when it tells none', async () => {
    let round = 0;
    const answers = [
      { invalidDropped: 7, localhostNodePorts: undefined },
      undefined,
      { invalidDropped: 2, localhostNodePorts: 1 },
    ];
    const { shown } = metricsWith({ readNfacct: () => Promise.resolve(answers[round]) });
    expect(await shown(invalid)).toBe(7);
    expect(await shown('kubeproxy_iptables_localhost_nodeports_accepted_packets_total')).toBeUndefined();
    round = 1;
    expect(await shown(invalid)).toBeUndefined();
    round = 2;
    expect(await shown(invalid)).toBe(2);
    expect(await shown(limit)).toBeUndefined();
  });

  it('do not spoil a scrape when they cannot be read', async () => {
    const { shown } = metricsWith({
      readNfacct: () => Promise.reject(new Error('gone')),
      readConntrackFill: () => Promise.resolve({ entries: 1, max: 2 }),
    });
    expect([await shown(invalid), await shown(limit)]).toEqual([undefined, 2]);
  });

  it('are read once for scrapes at the same time', async () => {
    let reads = 0;
    const { metrics } = metricsWith({
      readNfacct: async () => {
        reads += 1;
        return undefined;
      },
    });
    await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
    expect(reads).toBe(1);
    await metrics.text();
    expect(reads).toBe(2);
  });
});

describe('numbers of the process', () => {
  it('are those of this process', async () => {
    const { shown } = metricsWith();
    expect(await shown('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(await shown('process_virtual_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(await shown('process_open_fds')).toBeGreaterThan(2);
    expect(await shown('process_max_fds')).toBeGreaterThan(10);
    expect(await shown('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(await shown('process_start_time_seconds')).toBeCloseTo(performance.timeOrigin / 1000, 1);
  });

  it('tell how long the event loop was held', async () => {
    const { metrics, shown } = metricsWith();
    await metrics.text();
    await sleep(250);
    const until = performance.now() + 250;
    while (performance.now() < until);
    await sleep(250);
    expect(await shown('nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(0.1);
  });
});
