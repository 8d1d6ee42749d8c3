import { createApiSource } from '../../src/cluster/api/source.ts';
import type { ReflectorTimes } from '../../src/cluster/api/times.ts';
import { decode } from '../../src/cluster/decode.ts';
import type { SourceEvent } from '../../src/cluster/source-event.ts';
import type { Finding } from '../../src/model/finding.ts';
import { entries } from '../../src/model/immutable-map.ts';
import { revise } from '../../src/model/revise.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import type { Json } from '../conformance/objects.ts';
import { Simulation } from './simulation.ts';
import { StirredClock } from './stirred-clock.ts';

/** A source that follows a simulated server, and all that it has told. */
export interface Following {
  readonly clock: StirredClock;
  readonly server: Simulation;
  readonly snapshots: Snapshot[];
  readonly findings: (readonly Finding[])[];
  readonly events: SourceEvent[];
  /** What `start` came to. */
  outcome: 'pending' | 'synced' | Error;
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly objects?: readonly Json[];
  readonly watch?: boolean;
  readonly serviceProxyName?: string;
  readonly times?: Partial<ReflectorTimes>;
  /** Before the source starts. */
  readonly prepare?: (server: Simulation) => void;
  /** Jitter, 0 to 1. */
  readonly random?: () => number;
}

export function follow(options: FollowOptions = {}): Following {
  const { objects = [], watch = true, times = {}, serviceProxyName, prepare, random = () => 0 } = options;
  const clock = new StirredClock();
  if (objects.length > 100) clock.patience = 200;
  const server = new Simulation(clock);
  for (const object of objects) server.put(object);
  prepare?.(server);
  const events: SourceEvent[] = [];
  const observe = (event: SourceEvent): void => {
    events.push(event);
  };
  const { client } = server;
  const about = { client, nodeName: 'node-1', serviceProxyName };
  const source = createApiSource({ ...about, watch, observe, times, clock, random });
  const following: Following = {
    clock,
    server,
    snapshots: [],
    findings: [],
    events,
    outcome: 'pending',
    stop: () => source.stop(),
  };
  const started = source.start({
    snapshot: (snapshot) => following.snapshots.push(snapshot),
    findings: (findings) => following.findings.push(findings),
  });
  started.then(
    () => {
      following.outcome = 'synced';
    },
    (thrown: unknown) => {
      following.outcome = thrown instanceof Error ? thrown : new Error(String(thrown));
    },
  );
  return following;
}

/** What the objects say, by the same readers but without any history. */
export function truthOf(objects: readonly Json[], nodeName = 'node-1'): Snapshot {
  const changes = objects.flatMap((object) => {
    const decoded = decode(object);
    return decoded.outcome === 'change' ? [decoded.change] : [];
  });
  return revise(emptySnapshot(nodeName), changes);
}

/** A snapshot as plain values that can be compared. */
export function plain(snapshot: Snapshot | undefined) {
  if (snapshot === undefined) return undefined;
  const { node, services, slices, servicePorts, serviceCIDRs } = snapshot;
  return {
    node,
    services: Object.fromEntries(entries(services)),
    slices: Object.fromEntries(entries(slices)),
    servicePorts: Object.fromEntries(entries(servicePorts)),
    serviceCIDRs: Object.fromEntries(entries(serviceCIDRs)),
  };
}
