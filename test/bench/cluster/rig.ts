import type { IptablesVariant } from '../../../src/kernel/iptables-programs.ts';
import type { Api } from '../../cluster/api.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { hostOf } from '../../cluster/host.ts';
import { type ClusterNetwork, createClusterNetwork } from '../../cluster/network/network.ts';
import type { NodeName } from '../../cluster/nodes.ts';
import { writeNode } from './objects.ts';
import type { ProxyName } from './options.ts';
import { Prober } from './prober.ts';
import { type BenchProxy, proxiesOf } from './proxies.ts';

/** A node of its own for each mode: tables of iptables-legacy stay for as long as their namespace. */
const nodeFor: Readonly<Record<IptablesVariant, NodeName>> = { legacy: 'node-1', nft: 'node-2' };

/** A node on which proxies take turns. */
export interface BenchNode {
  readonly variant: IptablesVariant;
  readonly prober: Prober;
  readonly proxies: Readonly<Record<ProxyName, BenchProxy>>;
  /** The nat table as iptables-save prints it. */
  rules(): Promise<string>;
  /** Removes all rules. */
  flush(): Promise<void>;
}

export interface Rig extends AsyncDisposable {
  readonly api: Api;
  node(variant: IptablesVariant): Promise<BenchNode>;
}

/** The real control plane, and nodes as they are asked for. Everything is gone when it is closed. */
export async function openRig(program: string): Promise<Rig> {
  const network = await createClusterNetwork(Object.values(nodeFor));
  const probers: Prober[] = [];
  const nodes = new Map<IptablesVariant, Promise<BenchNode>>();
  try {
    const plane = await startControlPlane(hostOf(network, 'control-plane'));
    return {
      api: plane.api,
      node: (variant) => {
        const known = nodes.get(variant) ?? openNode({ network, plane, program, probers }, variant);
        nodes.set(variant, known);
        return known;
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.all(probers.map((prober) => prober.close()));
        await plane.close();
        await network.close();
      },
    };
  } catch (error) {
    await network.close();
    throw error;
  }
}

interface Parts {
  readonly network: ClusterNetwork;
  readonly plane: ControlPlane;
  readonly program: string;
  readonly probers: Prober[];
}

async function openNode(parts: Parts, variant: IptablesVariant): Promise<BenchNode> {
  const { network, plane, program, probers } = parts;
  const name = nodeFor[variant];
  await writeNode(plane.api, name, [network.address(name, 'IPv4'), network.address(name, 'IPv6')]);
  const prober = new Prober(hostOf(network, name));
  probers.push(prober);
  const save = [`iptables-${variant}-save`, '-t', 'nat'] as const;
  return {
    variant,
    prober,
    proxies: await proxiesOf({ network, plane, program }, { name, variant }),
    rules: async () => (await network.exec(name)({ argv: save, timeoutMilliseconds: 120_000 })).stdout,
    flush: () => network.flush(name),
  };
}
