// The figures as tables of at most 80 columns.
import type { PacketsJob } from './packets.ts';
import type { RestoreFigures, RestoreJob } from './restore.ts';
import type { Measured } from './sections.ts';
import { type Cell, ratio, table } from './table.ts';

export function walkTables(measured: readonly Measured<'walk'>[]): string {
  const times = measured.map(({ job, figures: f }) => [
    job.services,
    f.decode,
    f.join,
    f.decide,
    f.layOut,
    f.plan,
    f.total,
    f.render,
    f.longestBlock,
  ]);
  const sizes = measured.map(({ job, figures: f }) => [
    job.services,
    f.lines,
    f.bytes / 1e6,
    Math.round(f.peakMb),
    Math.round(f.retainedMb),
    f.change.p50,
    f.change.p95,
    f.changeLines,
    f.changeBytes,
  ]);
  return [
    table(
      'Pure walk, nothing known before (ms; total: join to plan)',
      ['services', 'decode', 'join', 'decide', 'lay out', 'plan', 'total', 'render', 'block'],
      times,
    ),
    table(
      'Its plan and memory (MB); one changed endpoint (ms)',
      ['services', 'lines', 'text', 'peak', 'heap', 'p50', 'p95', 'lines', 'bytes'],
      sizes,
    ),
  ].join('\n');
}

export function restoreTables(measured: readonly Measured<'restore'>[]): string {
  const loads = measured.map(({ job, figures: f }) => [
    wayOf(job),
    job.services,
    f.lines,
    f.bytes / 1e6,
    seconds(f.load, job.timeoutSeconds),
    Math.round(f.loadMb),
    f.change?.p50,
    f.change?.p95,
    f.change === undefined ? undefined : f.changeLines,
  ]);
  const restarts = measured.flatMap(({ job, figures: { restart: r } }) =>
    r === undefined
      ? []
      : [
          [
            wayOf(job),
            job.services,
            r.read,
            r.plan,
            r.restore,
            r.total,
            r.longestBlock,
            Math.round(r.programMb),
          ],
        ],
  );
  return [
    table(
      'iptables-restore: first load (s, MB), one changed endpoint (ms)',
      ['way', 'services', 'lines', 'text', 'load', 'peak', 'p50', 'p95', 'lines'],
      loads,
    ),
    table(
      'Restart over existing rules, one endpoint changed meanwhile (ms)',
      ['way', 'services', 'read', 'plan', 'restore', 'total', 'block', 'MB'],
      restarts,
    ),
    table(
      "How many times as long kube-proxy's layout takes (flat list, one transaction)",
      ['variant', 'services', 'first load', 'one change'],
      restoreRatios(measured),
    ),
  ].join('\n');
}

function restoreRatios(measured: readonly Measured<'restore'>[]): readonly (readonly Cell[])[] {
  const flat = measured.filter(({ job }) => job.shape === 'flat');
  return flat.flatMap(({ job, figures }) => {
    const ours = measured.find(({ job: other }) => isOurs(other) && isSame(other, job))?.figures;
    if (ours === undefined) return [];
    const load = figures.load === undefined ? moreThan(job.timeoutSeconds * 1000, ours) : undefined;
    return [
      [
        job.variant,
        job.services,
        load ?? ratio(figures.load, ours.load),
        ratio(figures.change?.p50, ours.change?.p50),
      ],
    ];
  });
}

function moreThan(milliseconds: number, { load }: RestoreFigures): string {
  return `> ${ratio(milliseconds, load) ?? ''}`;
}

function isOurs({ shape, variant, transactions }: RestoreJob): boolean {
  return shape === 'tree' && (variant === 'legacy' || transactions === 'small');
}

function isSame(a: RestoreJob, b: RestoreJob): boolean {
  return a.variant === b.variant && a.services === b.services;
}

function wayOf({ variant, shape, transactions }: RestoreJob): string {
  return `${variant} ${shape}${variant === 'nft' ? ` ${transactions}` : ''}`;
}

export function packetsTables(measured: readonly Measured<'packets'>[]): string {
  const byServices = measured.filter(({ job }) => job.services !== 1);
  const rows = byServices.map(({ job, figures: f }) => [
    job.variant === 'none' ? 'no rules' : `${job.variant} ${job.shape}`,
    job.services,
    f.first?.p50,
    f.first?.p99,
    f.last?.p50,
    f.last?.p99,
    f.other.p50,
    f.other.p99,
  ]);
  const byEndpoints = measured.filter(({ job }) => job.services === 1);
  const linear = (job: PacketsJob) =>
    byEndpoints.find(
      ({ job: other }) =>
        other.shape === 'flat' && other.variant === job.variant && other.endpoints === job.endpoints,
    );
  const choices = byEndpoints
    .filter(({ job }) => job.shape === 'tree')
    .map(({ job, figures: { first } }) => {
      const other = linear(job)?.figures.first;
      return [job.variant, job.endpoints, first?.p50, first?.p99, other?.p50, other?.p99];
    });
  return [
    table(
      "First packet, µs inside Node's send: first and last service of the list, and none",
      ['rules', 'services', 'first p50', 'p99', 'last p50', 'p99', 'other p50', 'p99'],
      rows,
    ),
    table(
      'First packet to one service with many endpoints, µs',
      ['variant', 'endpoints', 'tree p50', 'p99', 'linear p50', 'p99'],
      choices,
    ),
  ].join('\n');
}

export function conntrackTables(measured: readonly Measured<'conntrack'>[]): string {
  const rows = measured.map(({ job, figures: f }) => [
    job.entries,
    f.none,
    f.one,
    f.removed,
    f.ten,
    f.everything,
    f.oneBlock,
    f.everythingBlock,
  ]);
  return table(
    'Stale UDP entries, ms: Services that lost an endpoint, and all as one text',
    ['entries', 'none', 'one', 'removed', 'ten', 'text', 'block one', 'text'],
    rows,
  );
}

export function agentTables({
  start,
  agents,
}: {
  readonly start: Measured<'start'>;
  readonly agents: readonly Measured<'agent'>[];
}): string {
  const { bareNode, version } = start.figures;
  const rows = agents.map(({ job, figures: f }) => [
    `${job.variant} ${job.source}`,
    job.services,
    seconds(f.coldStart, job.timeoutSeconds),
    (f.ownCpu / 1000).toFixed(1),
    (f.programsCpu / 1000).toFixed(1),
    f.change?.p50,
    f.change?.p95,
    f.change?.p99,
    f.sync,
    f.longestBlock,
    Math.round(f.idleCpu),
    Math.round(f.restMb),
    Math.round(f.peakMb),
  ]);
  return [
    table(
      'Start of the bundle, whole process (ms)',
      ['', 'p50', 'p95'],
      [
        ['node -e 0', bareNode.p50, bareNode.p95],
        ['nodeplane --version', version.p50, version.p95],
      ],
    ),
    table(
      'nodeplane run: cold start (s, CPU s), change to packet, its sync, longest block (ms), idle CPU (ms a minute), MB',
      [
        'rules, source',
        'services',
        'cold',
        'own',
        'tools',
        'p50',
        'p95',
        'p99',
        'sync',
        'block',
        'idle',
        'rest',
        'peak',
      ],
      rows,
    ),
  ].join('\n');
}

/** Milliseconds as seconds; undefined is what took longer than the limit. */
function seconds(milliseconds: number | undefined, limit: number): string {
  return milliseconds === undefined ? `> ${limit}` : (milliseconds / 1000).toFixed(2);
}
