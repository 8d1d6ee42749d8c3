import type { SourceEvent } from '../cluster/source-event.ts';
import type { Family } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { TableName } from '../rules/iptables/objects.ts';
import type { Cost } from '../rules/plan.ts';

/** What happens in the agent, told as it happens. Metrics, health and Events listen; none of them can change what is done. */
export type Happening =
  /** The cluster is another one now: so many objects differ from the snapshot before. */
  | {
      readonly kind: 'snapshot-heard';
      readonly snapshot: Snapshot;
      readonly services: number;
      readonly slices: number;
    }
  /** Rules of the family are wanted that the kernel does not hold yet. */
  | { readonly kind: 'sync-queued'; readonly family: Family }
  | ({ readonly kind: 'sync-ended' } & SyncReport)
  /** A program of the host ended. `program` is its plain name: `iptables-restore`, `conntrack`. */
  | {
      readonly kind: 'program-ended';
      readonly program: string;
      readonly milliseconds: number;
      readonly ok: boolean;
    }
  /** Conntrack entries of UDP flows to endpoints that serve no more were removed. */
  | {
      readonly kind: 'flows-removed';
      readonly family: Family;
      readonly entries: number;
      readonly milliseconds: number;
    }
  /** All findings that stand now: of objects, and of rules that the kernel refuses. */
  | { readonly kind: 'findings-stand'; readonly findings: readonly Finding[] }
  /** Somebody else changed our rules. */
  | { readonly kind: 'drift-found'; readonly family: Family; readonly chains: readonly string[] }
  | { readonly kind: 'source'; readonly event: SourceEvent }
  /** The configuration file is not valid any more; what it said before holds on. */
  | { readonly kind: 'config-refused'; readonly error: Error }
  /** Somebody asked after our health, and was answered with the status. */
  | {
      readonly kind: 'probe-answered';
      readonly probe: 'healthz' | 'livez';
      readonly status: 200 | 503;
    }
  /** A server of ours could not listen; it tries again. `service` for a health-check node port: `ns/name`. */
  | {
      readonly kind: 'listen-failed';
      readonly server: 'healthz' | 'metrics' | 'health-check-node-port';
      readonly service: string | undefined;
      readonly error: Error;
    };

/** One sync of one family. */
export interface SyncReport {
  readonly family: Family;
  /** The kernel was read, and everything compared; else only what changed was looked at. */
  readonly full: boolean;
  /** What changed was tried alone, and that failed: everything was compared instead, or will be by the next sync. */
  readonly partialFailed: boolean;
  readonly milliseconds: number;
  /** Undefined: the kernel holds what the snapshot asks for, except for what is in quarantine. */
  readonly error: Error | undefined;
  /** Whose rules were written. */
  readonly snapshot: Snapshot;
  readonly cost: Cost;
  /** Service ports of the family that are programmed. */
  readonly servicePorts: number;
  /** Rules that are ours in each table now, and those written by this sync. */
  readonly rules: Readonly<Record<TableName, { readonly total: number; readonly written: number }>>;
  /** Keys of Service ports that were left out because the kernel refuses their rules, or lacks what these need: `ns/svc:port/tcp`. */
  readonly quarantined: readonly string[];
  /** Service ports with endpoints elsewhere, none here, and a policy Local, by whose policy it is. */
  readonly withoutLocalEndpoints: { readonly internal: number; readonly external: number };
  /** When what is in force now was triggered, in milliseconds since 1970 (`endpoints.kubernetes.io/last-change-trigger-time`). */
  readonly triggeredAt: readonly number[];
}

/** Hears of everything; must be quick and never throws. */
export type Observer = (happening: Happening) => void;
