import type { Family } from '../../../model/address.ts';
import { fingerprintChain } from '../fingerprint.ts';
import { type ChainNames, firewall, kubeProxyNames } from '../names.ts';
import { builtinChains, type Chain, type RuleSet, type TableName, tableNames } from '../objects.ts';
import { ChainReader } from '../parse/chain-reader.ts';
import { detached } from '../parse/detached.ts';
import { type Applied, jumpKey, leadsToUs } from './applied.ts';

/** What is applied, from the rules. */
export function appliedFrom(ruleSet: RuleSet, names: ChainNames = kubeProxyNames): Applied {
  const reading = appliedInSteps(ruleSet, names);
  let step = reading.next();
  while (step.done !== true) step = reading.next();
  return step.value;
}

/** {@link appliedFrom} for many rules: yields between chains, so that a caller may pause. */
export function* appliedInSteps(ruleSet: RuleSet, names: ChainNames): Generator<undefined, Applied> {
  const draft = new Draft(names);
  for (const table of tableNames) {
    for (const chain of ruleSet[table].values()) {
      draft.take(chain);
      yield;
    }
  }
  return draft.applied();
}

/**
 * What is applied, from what `iptables-save` prints. The text may come in pieces, and neither it nor its rules are kept.
 * @throws NodeplaneError `NP-RULES-001` as parseRules does.
 */
export class AppliedReader {
  readonly #chains: ChainReader;
  readonly #draft: Draft;

  constructor(family: Family, names: ChainNames) {
    this.#chains = new ChainReader(family);
    this.#draft = new Draft(names);
  }

  /** Yields between chains, so that a caller may pause. */
  *push(piece: string): Generator<undefined, void> {
    yield* this.#take(this.#chains.push(piece));
  }

  *end(): Generator<undefined, Applied> {
    yield* this.#take(this.#chains.end());
    return this.#draft.applied();
  }

  *#take(chains: Iterable<Chain>): Generator<undefined, void> {
    for (const chain of chains) {
      this.#draft.take(chain);
      yield;
    }
  }
}

/** As far as it is ours; KUBE-FIREWALL is shared with kubelet: compared, never deleted. */
class Draft {
  readonly #names: ChainNames;
  readonly #chains: Record<TableName, Map<string, string>> = {
    mangle: new Map(),
    filter: new Map(),
    nat: new Map(),
  };
  readonly #rules = { mangle: 0, filter: 0, nat: 0 };
  readonly #jumps = new Set<string>();
  readonly #held = new Set<string>();

  constructor(names: ChainNames) {
    this.#names = names;
  }

  take(chain: Chain): void {
    const { table, name, rules } = chain;
    const isOurs = this.#names.isOwn(name);
    if (!isOurs)
      for (const lead of leadsToUs(chain, this.#names)) this.#held.add(detached(`${table} ${lead}`));
    if (builtinChains[table].includes(name)) {
      for (const rule of rules) this.#jumps.add(jumpKey({ table, builtin: name, rule }));
    } else if (isOurs || name === firewall) {
      this.#chains[table].set(detached(name), fingerprintChain(chain));
      this.#rules[table] += rules.length;
    }
  }

  applied(): Applied {
    return {
      layout: undefined,
      chains: this.#chains,
      rules: this.#rules,
      jumps: this.#jumps,
      held: this.#held,
    };
  }
}
