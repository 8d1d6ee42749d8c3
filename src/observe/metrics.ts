import { Registry } from 'prom-client';
import type { Family } from '../model/address.ts';
import type { Observer } from './happening.ts';
import { hearChanges } from './metrics/hear-changes.ts';
import { hearFindings } from './metrics/hear-findings.ts';
import { hearHost } from './metrics/hear-host.ts';
import { hearSource } from './metrics/hear-source.ts';
import { hearSyncs } from './metrics/hear-syncs.ts';
import { instrumentsOf } from './metrics/instruments.ts';
import { type KernelReaders, readKernel } from './metrics/read-kernel.ts';
import { readProcess } from './metrics/read-process.ts';

export interface MetricsOptions extends KernelReaders {
  /** Those that this node programs: their series are shown from the start, and changes are pending until all of them have synced. */
  readonly families: readonly Family[];
  readonly build: { readonly version: string; readonly commit: string };
  /** Milliseconds since 1970. Default: the clock of the machine. */
  readonly now?: (() => number) | undefined;
}

/** The agent's metrics. */
export interface Metrics {
  readonly observe: Observer;
  /** The exposition in Prometheus' text format; of {@link contentType}. Never rejects. Scrapes at the same time get the same text. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Ends the timer that measures the event loop. */
  readonly stop: () => void;
}

/** Metrics in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { families, build } = options;
  const now = options.now ?? Date.now;
  const registry = new Registry();
  const instruments = instrumentsOf(registry);
  const syncs = hearSyncs({ instruments, families, now });
  const changes = hearChanges(instruments, families);
  const findings = hearFindings(instruments);
  const source = hearSource(instruments, now);
  const host = hearHost(instruments, families);
  const kernel = readKernel(instruments, options);
  const ownProcess = readProcess(instruments);
  instruments.gauge('nodeplane_build_info').set({ ...build, node_version: process.version }, 1);

  const observe: Observer = (happening) => {
    switch (happening.kind) {
      case 'snapshot-heard':
        return changes.snapshotHeard(happening);
      case 'sync-queued':
        return syncs.syncQueued(happening.family);
      case 'sync-ended':
        syncs.syncEnded(happening);
        return changes.syncEnded(happening);
      case 'program-ended':
        return host.programEnded(happening);
      case 'flows-removed':
        return host.flowsRemoved(happening);
      case 'findings-stand':
        return findings(happening.findings);
      case 'drift-found':
        return host.driftFound(happening);
      case 'source':
        return source(happening.event);
      case 'config-refused':
        return host.configRefused();
      case 'probe-answered':
        return host.probeAnswered(happening);
      case 'listen-failed':
        return host.listenFailed(happening);
    }
  };
  const text = shared(async () => {
    await Promise.all([kernel(), ownProcess.refresh()]);
    return registry.metrics();
  });
  return { observe, text, contentType: registry.contentType, stop: ownProcess.stop };
}

/** Calls while one is under way get its result: a scrape reads the kernel, and several scrapers must not multiply that. */
function shared(produce: () => Promise<string>): () => Promise<string> {
  let running: Promise<string> | undefined;
  return () => {
    running ??= produce().finally(() => {
      running = undefined;
    });
    return running;
  };
}
