import { flushRulesScript } from '../../netns/flush.ts';
import type { Holder } from '../../netns/holder.ts';
import { type Place, Stage } from '../../netns/stage.ts';
import type { NodeName } from '../nodes.ts';
import { clientAddress, cloudAddress, controlPlaneAddress, nodeAddresses } from './addresses.ts';
import type { ClusterNetwork, NetworkPod } from './network.ts';
import { Together } from './together.ts';
import { addPodsScript, cutOffScript, type PodLink, removePodsScript } from './topology.ts';

/** A cluster's network made of namespaces: see topology.ts for its shape and addresses.ts for its addresses. */
export class NamespacesNetwork extends Stage implements ClusterNetwork {
  readonly #links = new Map<Place, PodLink>();
  readonly #cut = new Set<NodeName>();
  readonly #arrivals = new Together<PodLink>((pods) => this.holder.script(addPodsScript(pods)));
  readonly #departures = new Together<PodLink>((pods) => this.holder.script(removePodsScript(pods)));
  #podsEver = 0;

  /** @param holder of what topology.ts' base script has built. */
  constructor(holder: Holder, nodes: readonly NodeName[]) {
    super(holder);
    this.settle('control-plane', 'control-plane', controlPlaneAddress);
    this.settle('client', 'client', clientAddress);
    this.settle('cloud', 'cloud', cloudAddress);
    for (const node of nodes) this.settle(node, node, nodeAddresses(node));
  }

  async addPod({ place, node, addresses }: NetworkPod): Promise<void> {
    if (this.#links.has(place)) throw new Error(`the world has a ${place} already`);
    if (addresses.IPv4 === this.address(node, 'IPv4')) return this.settle(place, node, addresses);
    const number = ++this.#podsEver;
    const link = { node, addresses, namespace: `pod-${number}`, link: `veth-${number}` };
    this.#links.set(place, link);
    await this.#arrivals.do(link);
    this.settle(place, link.namespace, addresses);
  }

  async removePod(place: Place): Promise<void> {
    await this.leave(place);
    const link = this.#links.get(place);
    if (link) await this.#departures.do(link);
    this.#links.delete(place);
  }

  async cutOff(node: NodeName, cut: boolean): Promise<void> {
    if (cut) this.#cut.add(node);
    else this.#cut.delete(node);
    await this.holder.script(cutOffScript([...this.#cut]));
  }

  async flush(node: NodeName): Promise<void> {
    await this.holder.script(flushRulesScript(node));
  }
}
