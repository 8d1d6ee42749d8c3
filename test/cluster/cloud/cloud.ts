import { setTimeout } from 'node:timers/promises';
import { families } from '../../../src/model/address.ts';
import type { Api, ApiObject } from '../api.ts';
import type { Kind } from '../kinds.ts';
import type { ClusterNetwork } from '../network/network.ts';
import type { NodeName } from '../nodes.ts';
import { Balancers, type Status } from './balancers.ts';
import { follow } from './follow.ts';
import { Prober } from './prober.ts';
import { routes } from './rules.ts';
import { Soon } from './soon.ts';
import { nodesOf, type Wanted, wantedBy } from './wanted.ts';

/**
 * What stands in for a cloud provider: gives Services of type LoadBalancer an address of each of their families, passes packets on to
 * healthy nodes with their addresses as they are, and finds out who is healthy as clouds do: by the health-check node port with
 * `externalTrafficPolicy: Local`, by port 10256 else, once a second, unhealthy after two failures, healthy after one success.
 * Connections that exist stay with their node, but UDP flows leave a node that is not healthy; without a healthy node packets are
 * dropped. When the port of the probes changes, nodes stay what they are until the new port has told. Nodes are the Node objects that
 * there are, without those labelled `node.kubernetes.io/exclude-from-external-load-balancers`.
 */
export interface Cloud extends AsyncDisposable {
  /** The nodes that get new connections of the Service at the moment. */
  healthy(namespace: string, service: string): readonly NodeName[];
  close(): Promise<void>;
}

export async function startCloud(of: {
  readonly api: Api;
  readonly network: ClusterNetwork;
}): Promise<Cloud> {
  const { network } = of;
  for (const family of families) {
    await run(network, ['ip', family === 'IPv4' ? '-4' : '-6', '-batch', '-'], routes(family));
  }
  let cloud: StandIn | undefined;
  const prober = await Prober.start(network, (probed) => cloud?.probed(probed));
  cloud = new StandIn(of.api, network, prober);
  return cloud;
}

const retryMilliseconds = 500;

class StandIn implements Cloud {
  readonly #api: Api;
  readonly #network: ClusterNetwork;
  readonly #prober: Prober;
  readonly #ending = new AbortController();
  readonly #balancers = new Balancers();
  /** Apart, since an API server that is away must not keep nodes from being left. */
  readonly #programming = new Soon(() => this.#program());
  readonly #telling = new Soon(() => this.#tell());
  #services: readonly Wanted[] = [];
  #nodes: readonly NodeName[] = [];
  #programmed = '';
  #healthy: ReadonlyMap<string, readonly NodeName[]> = new Map();

  constructor(api: Api, network: ClusterNetwork, prober: Prober) {
    this.#api = api;
    this.#network = network;
    this.#prober = prober;
    this.#follow('Service', (objects) => {
      this.#services = objects.flatMap((object) => wantedBy(object) ?? []);
    });
    this.#follow('Node', (objects) => {
      this.#nodes = nodesOf(objects);
    });
  }

  healthy(namespace: string, service: string): readonly NodeName[] {
    return this.#healthy.get(`${namespace}/${service}`) ?? [];
  }

  probed({ url, ok }: { readonly url: string; readonly ok: boolean }): void {
    if (this.#balancers.probed(url, ok)) this.#programming.ask();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    // What waits for the API server is not waited for: it may be away, and to its silence nothing is done any more.
    try {
      await this.#programming.settled();
    } finally {
      await this.#prober.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(kind: Kind, keep: (objects: readonly ApiObject[]) => void): void {
    const told = (objects: readonly ApiObject[]): void => {
      keep(objects);
      this.#programming.ask();
    };
    void follow({ api: this.#api, kind, told, signal: this.#ending.signal });
  }

  async #program(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#balancers.follow(this.#services, this.#nodes);
    this.#prober.probe(this.#balancers.urls());
    const [script, healthy] = [this.#balancers.script(), this.#balancers.healthy()];
    if (script !== this.#programmed) await run(this.#network, ['nft', '-f', '-'], script);
    this.#programmed = script;
    this.#healthy = healthy;
    this.#telling.ask();
  }

  /** Writes the statuses that are not what they should be; where that fails, once more in a moment. */
  async #tell(): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    const written = await Promise.all(this.#balancers.statuses().map((status) => this.#write(status)));
    if (!written.includes(false)) return;
    await setTimeout(retryMilliseconds, undefined, { signal }).catch(() => undefined);
    this.#telling.ask();
  }

  /** Whether the API server took it. */
  async #write({ namespace, name, ingress }: Status): Promise<boolean> {
    const list = ingress.map((ip) => ({ ip, ipMode: 'VIP' }));
    const status = { loadBalancer: { ingress: list.length === 0 ? null : list } };
    return this.#api.patch({ kind: 'Service', namespace, name }, { status }, 'status').then(
      () => true,
      () => false,
    );
  }
}

/** @throws Error with what the program said when it fails. */
async function run(
  network: ClusterNetwork,
  argv: readonly [string, ...string[]],
  script: string,
): Promise<void> {
  const { exitCode, stderr } = await network.exec('cloud')({
    argv,
    stdin: [script],
    timeoutMilliseconds: 30_000,
  });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}\n${script}`);
}
