import type { Clock } from '../../clock.ts';
import { printable } from '../../errors.ts';
import type { Follow } from '../../kernel/follow-program.ts';
import type { Iptables } from '../../kernel/iptables.ts';
import type { IptablesPrograms } from '../../kernel/iptables-programs.ts';
import { digestRules } from '../../kernel/rules-digest.ts';
import type { Family } from '../../model/address.ts';
import type { Log } from '../../observe/log.ts';
import { startMonitor } from './monitor.ts';
import { OwnWrites } from './own-writes.ts';
import { Poll } from './poll.ts';
import { Suspicions } from './suspicions.ts';

export interface DriftWatchOptions {
  readonly programs: IptablesPrograms;
  readonly families: readonly Family[];
  readonly follow: Follow;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads the kernel, compares everything and repairs; resolves when that has ended, however. Never rejects. */
  readonly verify: (family: Family) => Promise<void>;
}

/** Notices that somebody else changed our rules. What was changed, the comparison of `verify` finds out. */
export interface DriftWatch {
  /** The same programs, whose writes are known to be ours. To be used for every write. */
  watched(iptables: Iptables): Iptables;
  /** Begins to look; to be called after the first sync. */
  start(): void;
  stop(): void;
}

/** Share of a core that polling may take: the time between two looks is so many times the time that one takes. */
const restFactor = 50;
const bounds = {
  /** iptables-legacy tells nobody of changes. */
  alone: { least: 4000, most: 300_000 },
  /** Only for what the monitor cannot hear. */
  besidesMonitor: { least: 60_000, most: 900_000 },
};

/**
 * nf_tables tells of every transaction, so a change is noticed at once (see monitor.ts). x_tables does not: its rules are read
 * and a digest of them compared, every few seconds in a small cluster and less often where that takes longer.
 */
export function createDriftWatch(options: DriftWatchOptions): DriftWatch {
  const { clock, log } = options;
  const own = new OwnWrites(clock);
  const suspicions = new Suspicions(clock, options.verify);
  const stops: (() => void)[] = [() => suspicions.stop()];
  return {
    watched: (iptables) => own.watched(iptables),
    start: () => {
      const listening =
        options.programs.variant === 'nft' ? monitor(options, own, suspicions, stops) : () => false;
      for (const family of options.families)
        stops.push(pollFamily(options, family, own, suspicions, listening));
    },
    stop: () => {
      for (const stop of stops) stop();
      log.debug({}, 'stopped looking for changes by others');
    },
  };
}

function monitor(
  { families, follow, clock, log }: DriftWatchOptions,
  own: OwnWrites,
  suspicions: Suspicions,
  stops: (() => void)[],
): () => boolean {
  let told = false;
  const started = startMonitor({
    follow,
    clock,
    committed: (transaction) => {
      // Asked of every one: a write of ours that touches no chain of ours (a jump) has a writer too.
      const isOurs = own.claims(transaction);
      const touched = transaction.touched.filter(({ family }) => families.includes(family));
      if (touched.length === 0 || isOurs) return;
      const { pid, process } = transaction;
      const chains = touched.map(({ family, table, chain = '' }) => `${family} ${table} ${chain}`.trim());
      log.warn({ process, pid, chains: chains.slice(0, 8) }, 'another program wrote into our chains');
      for (const family of families)
        if (touched.some((each) => each.family === family)) suspicions.raise(family);
    },
    ended: ({ message }, first) => {
      const fields = { message: printable(message) };
      if (first && !told)
        log.info(fields, 'xtables-monitor cannot be used: changes by others are looked for instead');
      else log.debug(fields, 'xtables-monitor ended');
      told ||= first;
    },
    missed: () => {
      for (const family of families) suspicions.raise(family);
    },
  });
  stops.push(() => started.stop());
  return started.listening;
}

/** Looks now and then; the result ends that. */
function pollFamily(
  { follow, programs, clock }: DriftWatchOptions,
  family: Family,
  own: OwnWrites,
  suspicions: Suspicions,
  listening: () => boolean,
): () => void {
  const poll = new Poll({
    digest: () => digestRules(follow, programs, family),
    writes: () => own.count(family),
    verify: () => suspicions.verify(family),
  });
  let stopped = false;
  let cancel: () => void = () => undefined;
  const look = (): void => void poll.look().then(again, () => again(bounds.alone.most));
  const again = (took: number): void => {
    if (stopped) return;
    const { least, most } = listening() ? bounds.besidesMonitor : bounds.alone;
    const wait = Math.min(Math.max(took * restFactor, least), most);
    // The first look comes although a monitor listens by then: it finds what was written before, or claimed for ours in the beginning.
    cancel = clock.after(wait, look);
  };
  again(0);
  return () => {
    stopped = true;
    cancel();
  };
}
