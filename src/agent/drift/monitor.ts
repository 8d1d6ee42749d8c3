import type { Clock } from '../../clock.ts';
import type { Follow, FollowEnd } from '../../kernel/follow-program.ts';
import { type RuleTransaction, readRuleEvents } from '../../kernel/rule-events.ts';
import type { ChainNames } from '../../rules/iptables/names.ts';

export interface MonitorOptions {
  readonly follow: Follow;
  /** Those of our chains. */
  readonly names: ChainNames;
  readonly clock: Clock;
  /** Hears of each transaction, also of our own. */
  readonly committed: (transaction: RuleTransaction) => void;
  /** The monitor ended and will be started again. `first`: it never listened. */
  readonly ended: (end: FollowEnd, first: boolean) => void;
  /** It listens again, and may have missed something. */
  readonly missed: () => void;
}

export interface Monitor {
  /** It has been listening for a while: false where it cannot be started. */
  readonly listening: () => boolean;
  stop(): void;
}

/**
 * Follows `xtables-monitor --event`, part of iptables-nft since 1.8.0: 2 MB of memory however many rules there are, where `nft monitor` keeps
 * all of them (105 MB for 20,000 chains). It prints in blocks into a pipe, hence stdbuf; setpriv ends it when the agent is killed.
 * With IPv6 rules, 1.8.9 dies of the first that has a port (mended in 1.8.10), so it tells rules of IPv4 only, and that there was a transaction for all.
 */
const argv = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'stdbuf',
  '-oL',
  'xtables-nft-multi',
  'xtables-monitor',
  '--event',
  '-4',
] as const;

const firstWaitMilliseconds = 1000;
const longestWaitMilliseconds = 60_000;
/** A program that is missing, or may not do it, ends sooner. */
const listensAfterMilliseconds = 500;
/** After so long without an end, the next end waits {@link firstWaitMilliseconds} again. */
const healthyMilliseconds = 60_000;

/** Keeps the monitor running until it is stopped. */
export function startMonitor(options: MonitorOptions): Monitor {
  const { follow, clock } = options;
  let stopped = false;
  let stopProgram: () => void = () => undefined;
  let cancelWait: () => void = () => undefined;
  let wait = firstWaitMilliseconds;
  let startedAt = Number.POSITIVE_INFINITY;
  let listened = false;
  const age = () => clock.now() - startedAt;
  const start = (): void => {
    startedAt = clock.now();
    stopProgram = follow(argv, { text: readRuleEvents(options.names, options.committed), ended });
    if (listened) options.missed();
  };
  const ended = (end: FollowEnd): void => {
    if (stopped) return;
    listened ||= age() > listensAfterMilliseconds;
    if (age() > healthyMilliseconds) wait = firstWaitMilliseconds;
    startedAt = Number.POSITIVE_INFINITY;
    cancelWait = clock.after(wait, start);
    wait = Math.min(wait * 2, longestWaitMilliseconds);
    options.ended(end, !listened);
  };
  start();
  return {
    listening: () => age() > listensAfterMilliseconds,
    stop: () => {
      stopped = true;
      cancelWait();
      stopProgram();
    },
  };
}
