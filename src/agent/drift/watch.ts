import type { Clock } from '../../clock.ts';
import { printable } from '../../errors.ts';
import type { Follow } from '../../kernel/follow-program.ts';
import type { Iptables } from '../../kernel/iptables.ts';
import type { IptablesPrograms } from '../../kernel/iptables-programs.ts';
import type { RuleTransaction } from '../../kernel/rule-events.ts';
import { digestRules } from '../../kernel/rules-digest.ts';
import type { Family } from '../../model/address.ts';
import type { Log } from '../../observe/log.ts';
import { besideNames, type ChainNames } from '../../rules/iptables/names.ts';
import { Looks } from './looks.ts';
import { type Monitor, startMonitor } from './monitor.ts';
import { OwnWrites } from './own-writes.ts';
import { Poll } from './poll.ts';
import { Suspicions } from './suspicions.ts';

export interface DriftWatchOptions {
  readonly programs: IptablesPrograms;
  /** Those of our chains. */
  readonly names: ChainNames;
  readonly families: readonly Family[];
  readonly follow: Follow;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads the kernel, compares everything and repairs; resolves when that has ended, however. Never rejects. */
  readonly verify: (family: Family) => Promise<void>;
  /** The same beside the syncs, which go on meanwhile. @returns the digest of the rules when they were as we wrote them. Never rejects. */
  readonly compare: (family: Family) => Promise<string | undefined>;
  /** The digest of the rules when the last sync of the family read them and had nothing to do, and nothing was written since. */
  readonly digestOf: (family: Family) => string | undefined;
}

/** Notices that somebody else changed our rules. What was changed, the comparison of `verify` finds out. */
export interface DriftWatch {
  /** The same programs, whose writes are known to be ours. To be used for every write. */
  watched(iptables: Iptables): Iptables;
  /** Begins to look; to be called after the first sync. */
  start(): void;
  stop(): void;
}

/**
 * nf_tables tells of every transaction, so a change is noticed at once (see monitor.ts). x_tables does not: its rules are read
 * and a digest of them compared, every few seconds in a small cluster and less often where that takes longer.
 */
export function createDriftWatch(options: DriftWatchOptions): DriftWatch {
  const { clock, log, programs } = options;
  const own = new OwnWrites(clock);
  const suspicions = new Suspicions(clock, options.verify);
  const looks = new Map<Family, Looks>();
  const opened = new Map<Family, Iptables>();
  let monitor: Monitor | undefined;
  return {
    watched: (iptables) => {
      opened.set(iptables.family, iptables);
      return own.watched(iptables);
    },
    start: () => {
      const ears = { ...options, own, suspicions, lookAt: (family: Family) => looks.get(family)?.soon() };
      if (programs.variant === 'nft') monitor = listen(ears);
      const listening = () => monitor?.listening() === true;
      for (const family of options.families) {
        const poll = pollOf(options, family, own, opened);
        looks.set(family, new Looks({ poll, clock, listening }));
      }
    },
    stop: () => {
      suspicions.stop();
      monitor?.stop();
      for (const each of looks.values()) each.stop();
      log.debug({}, 'stopped looking for changes by others');
    },
  };
}

function pollOf(
  { names, compare, digestOf }: DriftWatchOptions,
  family: Family,
  own: OwnWrites,
  opened: ReadonlyMap<Family, Iptables>,
): Poll {
  return new Poll({
    digest: async () => {
      const iptables = opened.get(family);
      return iptables === undefined ? undefined : digestRules(iptables, names);
    },
    writes: () => own.count(family),
    known: () => digestOf(family),
    compare: () => compare(family),
  });
}

interface Ears extends DriftWatchOptions {
  readonly own: OwnWrites;
  readonly suspicions: Suspicions;
  /** Reads a digest soon, and compares beside syncs if it is another one. */
  readonly lookAt: (family: Family) => void;
}

function listen(ears: Ears): Monitor {
  const { families, follow, names, clock, log, lookAt } = ears;
  let told = false;
  return startMonitor({
    follow,
    names,
    clock,
    committed: (transaction) => heard(ears, transaction),
    ended: ({ message }, first) => {
      const fields = { message: printable(message) };
      if (first && !told)
        log.info(fields, 'xtables-monitor cannot be used: changes by others are looked for instead');
      else log.debug(fields, 'xtables-monitor ended');
      told ||= first;
    },
    missed: () => {
      // Beside syncs: it ends of a first load of ours too, when the kernel tells more at once than it can take.
      for (const family of families) lookAt(family);
    },
  });
}

function heard(ears: Ears, transaction: RuleTransaction): void {
  const { families, own, suspicions, lookAt, log } = ears;
  if (isNeighbours(ears, transaction)) return;
  // Asked of every other: a write of ours that touches no chain of ours (a jump) has a writer too.
  if (own.claims(transaction)) return;
  const { pid, process } = transaction;
  if (families.includes('IPv6') && mayTouchIPv6(transaction)) lookAt('IPv6');
  const touched = transaction.touched.filter(({ family }) => family === 'IPv4');
  if (touched.length === 0 || !families.includes('IPv4')) return;
  const chains = touched.map(({ table, chain = '' }) => `${table} ${chain}`.trim());
  log.warn({ process, pid, chains: chains.slice(0, 8) }, 'another program wrote into our chains');
  suspicions.raise('IPv4');
}

/** kube-proxy, where it works as well, writes by programs of the same names while ours run. */
function isNeighbours({ names }: Ears, transaction: RuleTransaction): boolean {
  return names === besideNames && transaction.touched.length === 0 && !mayTouchIPv6(transaction);
}

/** The monitor tells that something was written, and what was only for IPv4; a program of iptables writes one family at a time. */
function mayTouchIPv6({ process, events }: RuleTransaction): boolean {
  return events === 0 || !/^(?:iptables|xtables)-/.test(process);
}
