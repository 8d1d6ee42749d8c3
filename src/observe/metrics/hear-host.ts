import type { Family } from '../../model/address.ts';
import type { Happening } from '../happening.ts';
import type { Instruments } from './instruments.ts';

/** Programs have fixed names; should that ever change, the rest is one. */
const maxPrograms = 32;

/** What happens at the edges: programs of the host, connection tracking, drift, the configuration file, our servers. */
export function hearHost(instruments: Instruments, families: readonly Family[]) {
  const programs = instruments.histogram('nodeplane_program_duration_seconds');
  const flowsDuration = instruments.histogram('kubeproxy_conntrack_reconciler_sync_duration_seconds');
  const flowsDeleted = instruments.counter('kubeproxy_conntrack_reconciler_deleted_entries_total');
  const drift = instruments.counter('nodeplane_drift_total');
  const healthz = instruments.counter('kubeproxy_proxy_healthz_total');
  const livez = instruments.counter('kubeproxy_proxy_livez_total');
  const configRefusals = instruments.counter('nodeplane_config_refusals_total');
  const listenFailures = instruments.counter('nodeplane_listen_failures_total');
  for (const family of families) {
    flowsDuration.zero({ ip_family: family });
    flowsDeleted.inc({ ip_family: family }, 0);
    drift.inc({ ip_family: family }, 0);
  }
  for (const code of ['200', '503']) for (const probe of [healthz, livez]) probe.inc({ code }, 0);
  for (const server of ['healthz', 'metrics', 'health-check-node-port']) listenFailures.inc({ server }, 0);
  const known = new Set<string>();

  return {
    programEnded({ program, milliseconds, ok }: Of<'program-ended'>): void {
      if (known.size < maxPrograms) known.add(program);
      const name = known.has(program) ? program : 'other';
      programs.observe({ program: name, ok: String(ok) }, milliseconds / 1000);
    },
    flowsRemoved({ family, entries, milliseconds }: Of<'flows-removed'>): void {
      flowsDuration.observe({ ip_family: family }, milliseconds / 1000);
      flowsDeleted.inc({ ip_family: family }, entries);
    },
    driftFound: ({ family }: Of<'drift-found'>): void => drift.inc({ ip_family: family }),
    probeAnswered: ({ probe, status }: Of<'probe-answered'>): void =>
      (probe === 'healthz' ? healthz : livez).inc({ code: String(status) }),
    configRefused: (): void => configRefusals.inc(),
    listenFailed: ({ server }: Of<'listen-failed'>): void => listenFailures.inc({ server }),
  };
}

type Of<Kind extends Happening['kind']> = Extract<Happening, { readonly kind: Kind }>;
