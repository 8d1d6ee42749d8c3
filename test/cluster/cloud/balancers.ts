import { nodeAddresses } from '../network/addresses.ts';
import type { NodeName } from '../nodes.ts';
import { AddressPool, addressesOf } from './addresses.ts';
import { afterProbe, type Health, unknownHealth } from './health.ts';
import { type Forwarding, rules } from './rules.ts';
import type { Wanted } from './wanted.ts';

interface Balancer {
  readonly wanted: Wanted;
  readonly number: number;
  readonly health: ReadonlyMap<NodeName, NodeProbe>;
}

interface NodeProbe {
  readonly url: string;
  readonly health: Health;
}

/** A status that is not what it should be, and what it should be. */
export interface Status {
  readonly namespace: string;
  readonly name: string;
  readonly ingress: readonly string[];
}

/** What the cloud knows: no clock, no effects. */
export class Balancers {
  readonly #pool = new AddressPool();
  #balancers: readonly Balancer[] = [];
  #wanted: readonly Wanted[] = [];

  follow(wanted: readonly Wanted[], nodes: readonly NodeName[]): void {
    const open = wanted.filter(({ families }) => families.length > 0);
    const before = new Map(this.#balancers.map((each) => [each.wanted.uid, each]));
    this.#wanted = wanted;
    this.#pool.keep(new Set(open.map(({ uid }) => uid)));
    this.#balancers = open.flatMap((each) => {
      const number = this.#pool.take(each.uid);
      if (number === undefined) return [];
      const known = before.get(each.uid)?.health;
      const { family, port } = each.probe;
      const health = nodes.map((node) => {
        const url = `http://${bracketed(nodeAddresses(node)[family])}:${port}/healthz`;
        return [node, { url, health: moved(known?.get(node), url) }] as const;
      });
      return { wanted: each, number, health: new Map(health) };
    });
  }

  /** Whether anything is different now. */
  probed(url: string, ok: boolean): boolean {
    let changed = false;
    this.#balancers = this.#balancers.map((balancer) => {
      const health = new Map(balancer.health);
      for (const [node, probe] of health) {
        if (probe.url !== url) continue;
        const after = afterProbe(probe.health, ok);
        changed ||= after.healthy !== probe.health.healthy;
        health.set(node, { url, health: after });
      }
      return { ...balancer, health };
    });
    return changed;
  }

  /** All that is to be probed, each once. */
  urls(): readonly string[] {
    return [...new Set(this.#balancers.flatMap(({ health }) => [...health.values()].map(({ url }) => url)))];
  }

  /** By `namespace/name`. */
  healthy(): ReadonlyMap<string, readonly NodeName[]> {
    return new Map(
      this.#balancers.map(({ wanted, health }) => [`${wanted.namespace}/${wanted.name}`, healthyOf(health)]),
    );
  }

  /** What nft has to be told. */
  script(): string {
    return rules(
      this.#balancers.map(
        ({ wanted, number, health }): Forwarding => ({
          number,
          families: wanted.families,
          healthy: healthyOf(health),
        }),
      ),
    );
  }

  statuses(): readonly Status[] {
    const numbers = new Map(this.#balancers.map(({ wanted, number }) => [wanted.uid, number]));
    return this.#wanted.flatMap(({ uid, namespace, name, families, ingress: current }) => {
      const number = numbers.get(uid);
      const ingress = number === undefined ? [] : addressesOf(number, families);
      return ingress.join() === current.join() ? [] : { namespace, name, ingress };
    });
  }
}

/** A node that is asked at another port counts its failures anew. */
function moved(probe: NodeProbe | undefined, url: string): Health {
  if (probe === undefined) return unknownHealth;
  return probe.url === url ? probe.health : { ...probe.health, failures: 0 };
}

function healthyOf(health: Balancer['health']): readonly NodeName[] {
  return [...health].flatMap(([node, probe]) => (probe.health.healthy ? node : []));
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
