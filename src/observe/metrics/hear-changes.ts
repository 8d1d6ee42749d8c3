import type { Family } from '../../model/address.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Happening, SyncReport } from '../happening.ts';
import type { Instruments } from './instruments.ts';

/** Changed objects, counted from the start. */
interface Changes {
  readonly services: number;
  readonly slices: number;
}

const none: Changes = { services: 0, slices: 0 };

/**
 * Changes heard, and those that some family's rules do not show yet. kube-proxy sets the pending ones to 0 when a sync begins, whether it
 * succeeds or not; here they wait until each family has synced a snapshot that holds them.
 */
export function hearChanges(instruments: Instruments, families: readonly Family[]) {
  const total = {
    services: instruments.counter('kubeproxy_sync_proxy_rules_service_changes_total'),
    slices: instruments.counter('kubeproxy_sync_proxy_rules_endpoint_changes_total'),
  };
  const pending = {
    services: instruments.gauge('kubeproxy_sync_proxy_rules_service_changes_pending'),
    slices: instruments.gauge('kubeproxy_sync_proxy_rules_endpoint_changes_pending'),
  };
  let heard = none;
  const heardBy = new WeakMap<Snapshot, Changes>();
  const shown = new Map<Family, Changes>(families.map((family) => [family, none]));

  const tell = (): void => {
    const least = [...shown.values()];
    pending.services.set(heard.services - Math.min(...least.map(({ services }) => services), heard.services));
    pending.slices.set(heard.slices - Math.min(...least.map(({ slices }) => slices), heard.slices));
  };
  return {
    snapshotHeard({ snapshot, services, slices }: Extract<Happening, { kind: 'snapshot-heard' }>): void {
      total.services.inc(services);
      total.slices.inc(slices);
      heard = { services: heard.services + services, slices: heard.slices + slices };
      heardBy.set(snapshot, heard);
      tell();
    },
    syncEnded({ family, error, snapshot }: SyncReport): void {
      const changes = heardBy.get(snapshot);
      if (error !== undefined || changes === undefined) return;
      shown.set(family, changes);
      tell();
    },
  };
}
