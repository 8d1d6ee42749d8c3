import { families } from '../../src/model/address.ts';
import { createRandom } from '../api-server/cluster.ts';
import { type Json, service, slice } from '../conformance/objects.ts';
import type { Api } from '../faults/api.ts';

/** Services that nobody calls, in both families, whose objects change all the time; all of it decided by a seed. */
export class RestlessCluster {
  readonly #random: () => number;
  readonly #services: (Background | undefined)[];

  constructor(count: number, seed: number) {
    this.#random = createRandom(seed);
    this.#services = Array.from({ length: count }, () => this.#fresh());
  }

  objects(): readonly Json[] {
    return this.#services.flatMap((one, index) => (one === undefined ? [] : objectsOf(index, one)));
  }

  /** A Service that is there now. */
  someName(): string | undefined {
    const index = this.#number(this.#services.length);
    return this.#services[index] === undefined ? undefined : nameOf(index);
  }

  async change(api: Api): Promise<void> {
    const index = this.#number(this.#services.length);
    const one = this.#services[index];
    if (one === undefined) return this.#put(api, index, this.#fresh());
    const dice = this.#random();
    if (dice < 0.1) return this.#remove(api, index, one);
    if (dice < 0.2) return this.#put(api, index, { ...one, port: 1000 + this.#number(1000) });
    const endpoints = dice < 0.6 ? one.endpoints.map((each) => this.#flipped(each)) : this.#fresh().endpoints;
    return this.#put(api, index, { ...one, endpoints });
  }

  async #put(api: Api, index: number, one: Background): Promise<void> {
    this.#services[index] = one;
    await api.put(...objectsOf(index, one));
  }

  async #remove(api: Api, index: number, one: Background): Promise<void> {
    this.#services[index] = undefined;
    await api.remove(...objectsOf(index, one));
  }

  #fresh(): Background {
    const endpoints = Array.from({ length: this.#number(6) }, () => ({
      host: this.#number(60_000),
      ready: true,
    }));
    return { port: 80, endpoints };
  }

  #flipped(endpoint: Endpoint): Endpoint {
    return this.#random() < 0.3 ? { ...endpoint, ready: !endpoint.ready } : endpoint;
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below);
  }
}

interface Endpoint {
  readonly host: number;
  readonly ready: boolean;
}

interface Background {
  readonly port: number;
  readonly endpoints: readonly Endpoint[];
}

function nameOf(index: number): string {
  return `background-${index}`;
}

function objectsOf(index: number, { port, endpoints }: Background): readonly Json[] {
  const name = nameOf(index);
  const clusterIPs = [`172.31.${index >> 8}.${index & 255}`, `fd00:172:31::${(index + 1).toString(16)}`];
  const ports = [{ name: 'http', port: 8080 }];
  const addressed = (prefix: (host: number) => string) =>
    endpoints.map(({ host, ready }) => ({ address: prefix(host), node: 'node-c', ready }));
  const byFamily = {
    IPv4: addressed((host) => `10.246.${host >> 8}.${host & 255}`),
    IPv6: addressed((host) => `fd00:10:246::${host.toString(16)}`),
  };
  return [
    service({ name, clusterIPs, ports: [{ name: 'http', port }] }),
    ...families.map((family) =>
      slice({ of: name, family, suffix: family.toLowerCase(), ports, endpoints: byFamily[family] }),
    ),
  ];
}
