import type { Family } from '../../../src/model/address.ts';
import { loadBalancerIP } from '../network/addresses.ts';

const largest = 254;

/**
 * Numbers of load balancers, which stand for an address of each family. The one after the last one given is next, so that an address
 * that was freed rests for as long as it can: connections to its last owner may still be tracked somewhere.
 */
export class AddressPool {
  readonly #owners = new Map<number, string>();
  #last = 0;

  /** The owner's number, a new one for a new owner; undefined when all are taken. */
  take(owner: string): number | undefined {
    for (const [number, each] of this.#owners) if (each === owner) return number;
    for (let step = 0; step < largest; step++) {
      const number = ((this.#last + step) % largest) + 1;
      if (this.#owners.has(number)) continue;
      this.#owners.set(number, owner);
      this.#last = number;
      return number;
    }
    return undefined;
  }

  /** Frees the numbers of all others. */
  keep(owners: ReadonlySet<string>): void {
    for (const [number, owner] of this.#owners) if (!owners.has(owner)) this.#owners.delete(number);
  }
}

export function isLoadBalancerAddress(address: string): boolean {
  return address.startsWith('198.51.100.') || address.startsWith('2001:db8:100::');
}

/** The addresses of a number, in the order of the families. */
export function addressesOf(number: number, families: readonly Family[]): readonly string[] {
  return families.map((family) => loadBalancerIP(number, family));
}
