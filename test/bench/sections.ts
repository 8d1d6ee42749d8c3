// Which measurements each section makes.
import { join } from 'node:path';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { AgentJob } from './agent.ts';
import type { RunJob } from './children.ts';
import { medianRun } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PacketsJob } from './packets.ts';
import type { RestoreJob } from './restore.ts';
import type { Figures, Job } from './worker.ts';

/** A measurement with what was asked. */
export interface Measured<K extends keyof Figures> {
  readonly job: Extract<Job, { readonly kind: K }>;
  readonly figures: Figures[K];
}

export interface SectionContext {
  readonly run: RunJob;
  readonly options: BenchOptions;
  /** Tells a person who waits what happens now. */
  readonly progress: (text: string) => void;
}

const variants: readonly IptablesVariant[] = ['legacy', 'nft'];

const program = join(import.meta.dirname, '../../dist/nodeplane.mjs');

/** Each size several times, in a new process each, because a service proxy starts cold too. */
export async function walkSection({ run, options, progress }: SectionContext) {
  const measured: Measured<'walk'>[] = [];
  for (const services of options.sizes ?? [1000, 10_000, 30_000]) {
    const job = { kind: 'walk', services, changes: options.quick ? 20 : 400 } as const;
    const runs: Figures['walk'][] = [];
    for (let number = 1; number <= (options.quick ? 1 : 5); number++) {
      progress(`walk: ${services} services, run ${number}`);
      runs.push(await run<'walk'>(job));
    }
    measured.push({ job, figures: medianRun(runs) });
  }
  return measured;
}

export async function restoreSection({ run, options, progress }: SectionContext) {
  const measured: Measured<'restore'>[] = [];
  for (const job of restoreJobs(options)) {
    const { variant, services, shape, transactions } = job;
    progress(`restore: iptables-${variant}, ${services} services, ${shape}, transactions: ${transactions}`);
    measured.push({ job, figures: await run<'restore'>(job) });
  }
  return measured;
}

function restoreJobs({ sizes, quick }: BenchOptions): readonly RestoreJob[] {
  const changes = quick ? 2 : 20;
  const common = { kind: 'restore', timeoutSeconds: quick ? 10 : 120, changes } as const;
  const all = sizes ?? [1000, 10_000, 30_000];
  const ours = variants.flatMap((variant) =>
    all.map(
      (services): RestoreJob => ({
        ...common,
        variant,
        services,
        shape: 'tree',
        transactions: wayOf(variant),
      }),
    ),
  );
  const theirs = all.map(
    (services): RestoreJob => ({
      ...common,
      variant: 'legacy',
      services,
      shape: 'flat',
      transactions: 'one',
    }),
  );
  if (quick) return [...ours, ...theirs];
  // As kube-proxy loads: quadratic, so two small sizes tell the curve and a large one the end of it.
  const nft = { ...common, variant: 'nft', transactions: 'one', timeoutSeconds: 60 } as const;
  const quadratic = sizes ?? [1000, 2500, 10_000];
  return [
    ...ours,
    ...theirs,
    ...quadratic.map((services): RestoreJob => ({ ...nft, services, shape: 'flat' })),
    ...(sizes ?? [1000, 2500]).map(
      (services): RestoreJob => ({ ...nft, services, shape: 'tree', changes: 0 }),
    ),
  ];
}

function wayOf(variant: IptablesVariant): 'one' | 'small' {
  return variant === 'nft' ? 'small' : 'one';
}

export async function packetsSection({ run, options, progress }: SectionContext) {
  const measured: Measured<'packets'>[] = [];
  for (const job of packetsJobs(options)) {
    const { variant, services, endpoints, shape } = job;
    progress(`packets: ${variant}, ${services} services × ${endpoints} endpoints, ${shape}`);
    measured.push({ job, figures: await run<'packets'>(job) });
  }
  return measured;
}

function packetsJobs({ sizes, quick }: BenchOptions): readonly PacketsJob[] {
  const common = { kind: 'packets', endpoints: 5, packets: quick ? 500 : 4000 } as const;
  const shapes = ['tree', 'flat'] as const;
  const bare: PacketsJob = { ...common, variant: 'none', services: 0, shape: 'tree' };
  const byServices = variants.flatMap((variant) =>
    (sizes ?? (variant === 'legacy' ? [1000, 10_000, 30_000] : [1000, 10_000])).flatMap((services) =>
      shapes.map((shape): PacketsJob => ({ ...common, variant, services, shape })),
    ),
  );
  const empty = variants.map((variant): PacketsJob => ({ ...common, variant, services: 0, shape: 'tree' }));
  const byEndpoints = variants.flatMap((variant) =>
    (quick ? [100] : [10, 100, 1000]).flatMap((endpoints) =>
      shapes.map((shape): PacketsJob => ({ ...common, variant, services: 1, endpoints, shape })),
    ),
  );
  return [bare, ...empty, ...byServices, ...byEndpoints];
}

/** The table is the kernel's and its size nothing of the cluster's: `--sizes` does not matter. */
export async function conntrackSection({ run, options, progress }: SectionContext) {
  const measured: Measured<'conntrack'>[] = [];
  for (const entries of options.quick ? [1000] : [1000, 50_000, 200_000]) {
    const job = { kind: 'conntrack', entries, runs: options.quick ? 1 : 3 } as const;
    progress(`conntrack: ${entries} entries`);
    measured.push({ job, figures: await run<'conntrack'>(job) });
  }
  return measured;
}

export async function agentSection({ run, options, progress }: SectionContext) {
  progress('agent: start of the bundle');
  const startJob = { kind: 'start', program, runs: options.quick ? 3 : 20 } as const;
  const start: Measured<'start'> = { job: startJob, figures: await run<'start'>(startJob) };
  const agents: Measured<'agent'>[] = [];
  for (const job of agentJobs(options)) {
    progress(`agent: iptables-${job.variant}, ${job.services} services from ${job.source}`);
    agents.push({ job, figures: await run<'agent'>(job) });
  }
  return { start, agents };
}

function agentJobs({ sizes, quick }: BenchOptions): readonly AgentJob[] {
  const common = {
    kind: 'agent',
    program,
    idleSeconds: quick ? 1 : 60,
    timeoutSeconds: quick ? 20 : 120,
  } as const;
  const sources = quick ? (['yaml', 'api'] as const) : (['yaml', 'json', 'api'] as const);
  // Enough of the API server's for a percentile; they take 1.7 s each.
  const most = { yaml: 10, json: 10, api: 100 } as const;
  return sources.flatMap((source) =>
    variants.flatMap((variant) =>
      (sizes ?? [1000, 10_000]).map(
        (services): AgentJob => ({ ...common, changes: quick ? 1 : most[source], source, variant, services }),
      ),
    ),
  );
}
