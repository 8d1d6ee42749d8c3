import type { Snapshot } from '../model/snapshot.ts';
import { triggeredAt } from '../model/triggered.ts';
import type { SyncReport } from '../observe/happening.ts';
import { jumpRules } from '../rules/iptables/layout/node-chains.ts';
import type { TableName } from '../rules/iptables/objects.ts';
import type { Passed } from './family-rules.ts';

/** A sync that went well. `before` is the snapshot that was programmed before; undefined for the first one. */
export function successReport(
  about: Pick<
    SyncReport,
    'family' | 'milliseconds' | 'snapshot' | 'partialFailed' | 'quarantined' | 'withoutLocalEndpoints'
  >,
  { layout, applied, done, full }: Passed,
  before: Snapshot | undefined,
): SyncReport {
  const jumps = (table: TableName) =>
    jumpRules(layout.routes.node).filter((jump) => jump.table === table).length;
  const count = (table: TableName) => ({
    total: applied.rules[table] + jumps(table),
    written: done.written[table],
  });
  return {
    ...about,
    full,
    error: undefined,
    cost: done.cost,
    servicePorts: layout.routes.routes.size,
    rules: { mangle: count('mangle'), filter: count('filter'), nat: count('nat') },
    // What changed before the agent came is not its delay, as in kube-proxy.
    triggeredAt: before === undefined ? [] : triggeredAt(before, about.snapshot, about.family),
  };
}

/** A sync that failed; what is programmed is as before, as far as is known. */
export function failureReport(
  about: Pick<SyncReport, 'family' | 'snapshot' | 'milliseconds' | 'full' | 'error'>,
  last: SyncReport | undefined,
): SyncReport {
  const none = { total: 0, written: 0 };
  return {
    servicePorts: 0,
    rules: { mangle: none, filter: none, nat: none },
    quarantined: [],
    withoutLocalEndpoints: { internal: 0, external: 0 },
    ...last,
    ...about,
    partialFailed: !about.full,
    cost: { steps: 0, lines: 0, bytes: 0 },
    triggeredAt: [],
  };
}
