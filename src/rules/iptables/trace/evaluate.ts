import {
  type Outcome,
  type Packet,
  summarise,
  type Trace,
  type TraceWorld,
  type Verdict,
} from '../../trace.ts';
import type { RuleSet } from '../objects.ts';
import { chanceOf } from './evaluate-match.ts';
import { act, isKnown } from './evaluate-target.ts';
import { createHopLog, type HopLog } from './hop-log.ts';
import { enter, interfaceAt, type Place, proceed, type Stage, split, type Walker } from './walker.ts';

/**
 * What happens to a packet under these rules, as netfilter would walk them: hook by hook, the nat table for the first packet of a
 * connection only, the way behind routing chosen by the destination that DNAT left. Where a rule matches by chance both ways are
 * followed, so that probabilities are exact. A rule with a match or target that nodeplane does not model is passed over and reported
 * in `uncertain`.
 */
export function trace(ruleSet: RuleSet, packet: Packet, world: TraceWorld): Trace {
  const log = createHopLog();
  const ways: Outcome[] = [];
  const waiting: Walker[] = [enter(packet, world)];
  for (let walker = waiting.pop(); walker !== undefined; walker = waiting.pop())
    ways.push(finish({ ruleSet, log, waiting }, walker));
  return summarise(ways, log.hops(), log.uncertain());
}

/** What the walkers of one trace have in common. */
interface Walk {
  readonly ruleSet: RuleSet;
  readonly log: HopLog;
  /** Walkers that split off and have still to be followed. */
  readonly waiting: Walker[];
}

/** Follows one walker to its end. */
function finish(walk: Walk, walker: Walker): Outcome {
  for (let stage = walker.path[0]; stage !== undefined; stage = walker.path[0]) {
    const end = traverse(walk, stage, walker);
    if (end !== 'accept') return outcome(end, walker);
    proceed(walker);
  }
  return outcome(walker.translated ? 'forward' : 'none', walker);
}

function outcome(verdict: Verdict, { weight, destination, port, masquerade }: Walker): Outcome {
  const passed = verdict === 'forward' || verdict === 'none';
  return {
    probability: weight,
    verdict,
    backend: verdict === 'forward' ? { address: destination, port } : undefined,
    masquerade: passed && masquerade,
  };
}

/** Walks one table at one hook to its end, from where the walker stands in it. */
function traverse(walk: Walk, { hook, table }: Stage, walker: Walker): 'accept' | 'drop' | 'reject' {
  const chains = walk.ruleSet[table];
  const base = chains.get(hook);
  if (base === undefined || (table === 'nat' && !isFirst(walker.packet))) return 'accept';
  walker.inInterface = interfaceAt(hook, walker.packet);
  walker.place ??= { chain: base, next: 0, caller: undefined, depth: 0 };
  while (walker.place !== undefined) {
    const rule = walker.place.chain.rules[walker.place.next];
    walker.place.next++;
    if (rule === undefined) {
      // A copy: other ways that split off inside return to the same place.
      const { caller }: Place = walker.place;
      walker.place = caller === undefined ? undefined : { ...caller };
      continue;
    }
    const chance = chanceOf(rule, walker);
    if (chance === 0) continue;
    if (chance === 'unknown' || !isKnown(rule, chains)) {
      walk.log.unknown(walker, rule);
      continue;
    }
    if (chance < 1) walk.waiting.push(split(walker, walker.weight * (1 - chance)));
    walker.weight *= chance;
    walk.log.matched(walker, rule);
    const effect = act(rule.target, walker, chains);
    if (effect !== 'on') return effect;
  }
  return base.policy === 'DROP' ? 'drop' : 'accept';
}

function isFirst({ state }: Packet): boolean {
  return state === undefined || state === 'NEW';
}
