import type { Family } from '../model/address.ts';
import type { Node } from '../model/node.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Clock } from './clock.ts';
import { goTime, goZeroTime } from './go-time.ts';
import type { Observer, SyncReport } from './happening.ts';

export interface HealthOptions {
  /** Families that this node is to serve. */
  readonly families: readonly Family[];
  /** Without a Node object nobody is to come; else only once there was one. */
  readonly needsNode: boolean;
  /** `syncPeriod` as it is now; twice as much is the patience with a family. */
  readonly syncPeriodMilliseconds: () => number;
  readonly clock: Clock;
}

/** An answer to a probe: JSON in one line. */
export interface Verdict {
  readonly status: 200 | 503;
  readonly body: string;
}

/** How well the agent keeps up, in kube-proxy's terms. */
export interface Health {
  readonly observe: Observer;
  /** No family waits for its rules since too long. */
  isHealthy(): boolean;
  /** Whether the agent does its work. */
  livez(): Verdict;
  /** Whether new connections should come to this node: the agent does its work, and the node is here to stay. */
  healthz(): Verdict;
}

/** The cluster autoscaler marks a node so before it removes it. */
const leavingTaint = 'ToBeDeletedByClusterAutoscaler';

/** Dates are milliseconds since 1970; the others are the clock's `now`. */
interface FamilyState {
  updatedDate: number;
  /** When the oldest change came that the kernel does not hold yet; undefined: it holds all. */
  waitingSince: number | undefined;
  /** When the newest change came. */
  queued: number;
}

/**
 * Health as kube-proxy's pkg/proxy/healthcheck has it: a family is ill when a change waits for 2 × syncPeriod or longer, since the *oldest* that
 * waits. Where nothing waits all is well, so that an API server that is away restarts no agent.
 */
export function createHealth(options: HealthOptions): Health {
  const { families, syncPeriodMilliseconds, clock } = options;
  const states = new Map<Family, FamilyState>();
  let latest: Snapshot | undefined;
  let { needsNode } = options;
  const stateOf = (family: Family): FamilyState => {
    const known = states.get(family);
    const state = known ?? { updatedDate: clock.date(), waitingSince: undefined, queued: 0 };
    states.set(family, state);
    return state;
  };
  for (const family of families) stateOf(family);

  const isWell = ({ waitingSince }: FamilyState): boolean =>
    waitingSince === undefined || clock.now() - waitingSince < 2 * syncPeriodMilliseconds();
  const isHealthy = (): boolean => [...states.values()].every(isWell);
  const verdict = (nodeEligible?: boolean): Verdict => {
    const ok = isHealthy() && nodeEligible !== false;
    return { status: ok ? 200 : 503, body: bodyOf({ states, isWell, nodeEligible, ok, date: clock.date() }) };
  };
  return {
    observe: (happening) => {
      if (happening.kind === 'snapshot-heard') {
        latest = happening.snapshot;
        needsNode ||= latest.node !== undefined;
      } else if (happening.kind === 'sync-queued') queue(stateOf(happening.family), clock);
      else if (happening.kind === 'sync-ended') end(stateOf(happening.family), happening, latest, clock);
    },
    isHealthy,
    livez: () => verdict(),
    healthz: () => verdict(latest !== undefined && isEligible(latest.node, needsNode)),
  };
}

function queue(state: FamilyState, clock: Clock): void {
  state.queued = clock.now();
  state.waitingSince ??= state.queued;
}

/** A change that came while the sync ran, and is not part of it, still waits; kube-proxy forgets it. */
function end(state: FamilyState, report: SyncReport, latest: Snapshot | undefined, clock: Clock): void {
  if (report.error !== undefined) return;
  const current = latest === undefined || report.snapshot === latest;
  const missed = !current && state.queued > clock.now() - report.milliseconds;
  state.waitingSince = missed ? state.queued : undefined;
  state.updatedDate = clock.date();
}

function isEligible(node: Node | undefined, needsNode: boolean): boolean {
  if (node === undefined) return !needsNode;
  return !node.deleting && !node.taintKeys.includes(leavingTaint);
}

interface BodyParts {
  readonly states: ReadonlyMap<Family, FamilyState>;
  readonly isWell: (state: FamilyState) => boolean;
  /** Told by healthz only. */
  readonly nodeEligible: boolean | undefined;
  readonly ok: boolean;
  readonly date: number;
}

/** ProxyHealth of Go. Of an `ok` one the update is always now, for those who watch that it moves on. */
function bodyOf({ states, isWell, nodeEligible, ok, date }: BodyParts): string {
  const all = [...states].sort(([one], [other]) => (one < other ? -1 : 1));
  const status = all.map(([family, state]) => [
    family,
    { lastUpdated: goTime(state.updatedDate), healthy: isWell(state) },
  ]);
  const updates = all.map(([, { updatedDate }]) => updatedDate);
  const lastUpdated = updates.length === 0 ? goZeroTime : goTime(Math.max(...updates));
  return JSON.stringify({
    lastUpdated: ok ? goTime(date) : lastUpdated,
    currentTime: goTime(date),
    nodeEligible,
    healthy: all.every(([, state]) => isWell(state)),
    status: status.length === 0 ? undefined : Object.fromEntries(status),
  });
}
