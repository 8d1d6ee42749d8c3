import { families } from '../../../src/model/address.ts';
import type { Json } from '../../conformance/objects.ts';
import { podNetwork } from '../network/addresses.ts';
import type { ClusterNetwork } from '../network/network.ts';
import type { NodePlan } from '../nodes.ts';

/** What the scheduler reads of a Node. */
export interface Node {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly Taint[];
  };
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** As a kubelet registers its node, ready from the first moment. */
export function nodeObject({ name, zone }: NodePlan, network: ClusterNetwork): Json {
  const resources = { cpu: '16', memory: '64Gi', pods: '240', 'ephemeral-storage': '100Gi' };
  const addresses = families.map((family) => ({
    type: 'InternalIP',
    address: network.address(name, family),
  }));
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
    'topology.kubernetes.io/region': 'region',
    'topology.kubernetes.io/zone': zone,
  };
  const now = new Date().toISOString();
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' };
  const networks = podNetwork(name);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { podCIDR: networks.IPv4, podCIDRs: families.map((family) => networks[family]) },
    status: {
      addresses: [...addresses, { type: 'Hostname', address: name }],
      capacity: resources,
      allocatable: resources,
      conditions: [{ ...ready, lastHeartbeatTime: now, lastTransitionTime: now }],
    },
  };
}
