import type { Family } from '../model/address.ts';
import { equal } from '../model/equal.ts';
import { type Difference, differences } from '../model/immutable-map.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import type { Observer } from '../observe/happening.ts';
import { createNarrator } from '../observe/narrate.ts';
import { createFindings, type Findings } from './findings.ts';
import type { LiveConfig } from './live-config.ts';
import type { Observers } from './observers.ts';
import type { Context, SourceOptions } from './options.ts';
import type { Rooms } from './rooms.ts';

/** How the agent tells what it does: to the log, and to those who ask. Lives as long as the process, so that no counter restarts before it does. */
export interface Telling {
  readonly observe: Observer;
  /** The cluster is this now. */
  readonly heard: (snapshot: Snapshot) => void;
  readonly findings: Findings;
  readonly observers: Observers;
}

export interface TellingOptions {
  readonly rooms: Rooms;
  readonly options: SourceOptions;
  readonly context: Context;
  readonly live: LiveConfig;
  readonly families: readonly Family[];
}

/** Nothing is served before {@link Observers.open}. */
export function openTelling({ rooms, options, context, live, families }: TellingOptions): Telling {
  const { log } = context;
  const narrate = createNarrator(log, () => rooms.clock.now());
  const needsNode = options.source.kind === 'api';
  const observers = rooms.createObservers({ current: () => live.current, families, needsNode, log, narrate });
  const observe: Observer = (happening) => {
    narrate(happening);
    observers.observe(happening);
  };
  const findings = createFindings((standing) => {
    observe({ kind: 'findings-stand', findings: standing });
    context.onFindings(standing);
  });
  live.onRefused((error) => observe({ kind: 'config-refused', error }));
  return { observe, heard: hearing(observe), findings, observers };
}

function hearing(observe: Observer): (snapshot: Snapshot) => void {
  let latest: Snapshot | undefined;
  return (snapshot) => {
    const before = latest ?? emptySnapshot(snapshot.nodeName);
    latest = snapshot;
    const services = count(differences(before.services, snapshot.services));
    const slices = count(differences(before.slices, snapshot.slices));
    observe({ kind: 'snapshot-heard', snapshot, services, slices });
  };
}

/** A source that was opened anew hands out new objects that say the same. */
function count(differing: Iterable<Difference<unknown>>): number {
  let number = 0;
  for (const { before, after } of differing) if (!equal(before, after)) number += 1;
  return number;
}
