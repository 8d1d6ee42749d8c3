import type { AddressPair } from '../../netns/addresses.ts';
import { podAddresses } from '../network/addresses.ts';
import type { NodeName } from '../nodes.ts';

/** Last numbers of pods' addresses. The first ten are the node's own. */
const numbers = { first: 11, last: 250 } as const;

/** Addresses of a node's pods. Whoever was freed last comes last again, so that a reused address is seldom mistaken for the old pod. */
export class AddressPool {
  readonly #node: NodeName;
  readonly #used = new Set<number>();
  #next: number = numbers.first;

  constructor(node: NodeName) {
    this.#node = node;
  }

  /** @throws Error when 240 pods run already. */
  take(): AddressPair {
    for (let tries = numbers.first; tries <= numbers.last; tries++) {
      const number = this.#next;
      this.#next = number === numbers.last ? numbers.first : number + 1;
      if (this.#used.has(number)) continue;
      this.#used.add(number);
      return podAddresses(this.#node, number);
    }
    throw new Error(`${this.#node} has no address left`);
  }

  giveBack({ IPv4 }: AddressPair): void {
    this.#used.delete(Number(IPv4.slice(IPv4.lastIndexOf('.') + 1)));
  }
}
