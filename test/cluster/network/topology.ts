// The shell scripts that build the network of a whole cluster.
//
//   client ──── fabric ──────── lan (a bridge) ──── control-plane
//                 │                             ├── node-1 ──── pods of 10.244.1.0/24, a namespace each
//               cloud ──────────────────────────┤
//                                               └── node-2, node-3 …
//
// Everybody on the local network knows where pods are and sends all else to the fabric. Between the client and load-balancer
// addresses, packets pass through the cloud in both directions, so that it may track connections.
import { type Family, families } from '../../../src/model/address.ts';
import type { AddressPair } from '../../netns/addresses.ts';
import {
  addLines,
  batch,
  bits,
  everything,
  hostAddresses,
  namespacesScript,
  nonlocalSysctls,
  type OwnSysctls,
  routerSysctls,
} from '../../netns/links.ts';
import type { NodeName } from '../nodes.ts';
import {
  clientAddress,
  clientNetwork,
  cloudAddress,
  controlPlaneAddress,
  externalNetwork,
  fabricAddress,
  loadBalancerNetwork,
  localPrefix,
  nodeAddresses,
  podGateway,
  podNetwork,
  uplink,
} from './addresses.ts';

/** A pod with a namespace of its own, and names short enough for the kernel. */
export interface PodLink {
  readonly node: NodeName;
  readonly addresses: AddressPair;
  readonly namespace: string;
  /** The node's end of the link; the pod's is eth0. */
  readonly link: string;
}

/** Everything but pods. */
export function baseScript(nodes: readonly NodeName[]): string {
  const members = ['control-plane', 'cloud', ...nodes];
  const own: OwnSysctls = {
    fabric: routerSysctls,
    cloud: routerSysctls,
    client: nonlocalSysctls,
    ...Object.fromEntries(nodes.map((node) => [node, routerSysctls])),
  };
  return [
    namespacesScript(['fabric', 'client', ...members], own),
    batch(undefined, [
      ...members.map((name) => `link add ${name} netns fabric type veth peer name eth0 netns ${name}`),
      'link add client netns fabric type veth peer name eth0 netns client',
      'link add uplink netns fabric type veth peer name eth1 netns cloud',
    ]),
    fabricScript(members, nodes),
    memberScript('control-plane', controlPlaneAddress, nodes),
    cloudScript(nodes),
    ...nodes.map((node) => nodeScript(node, nodes)),
    ...families.map((family) => externalScript(family, nodes)),
    clientScript(),
  ].join('\n');
}

export function addPodsScript(pods: readonly PodLink[]): string {
  const far = pods.map(
    ({ link, node, namespace }) =>
      `link add ${link} netns ${node} type veth peer name eth0 netns ${namespace}`,
  );
  return [
    namespacesScript(pods.map(({ namespace }) => namespace)),
    batch(undefined, far),
    ...perNode(pods, (pod) => nearLines(pod)),
    ...pods.map(podScript),
  ].join('\n');
}

/** Their processes must have ended, or lose their links. */
export function removePodsScript(pods: readonly PodLink[]): string {
  return [
    ...perNode(pods, ({ link }) => [`link del ${link}`]),
    batch(
      undefined,
      pods.map(({ namespace }) => `netns del ${namespace}`),
    ),
  ].join('\n');
}

/** Drops what goes between the control plane and these nodes with their pods, and nothing else. */
export function cutOffScript(nodes: readonly NodeName[]): string {
  const chain = (hook: 'input' | 'output', end: 'saddr' | 'daddr') => {
    const drops = nodes.flatMap((node) =>
      families.map((family) => {
        const whom = `{ ${nodeAddresses(node)[family]}, ${podNetwork(node)[family]} }`;
        return `${family === 'IPv4' ? 'ip' : 'ip6'} ${end} ${whom} drop`;
      }),
    );
    return `chain ${hook} {\ntype filter hook ${hook} priority 0\n${drops.join('\n')}\n}`;
  };
  const table = `table inet cut {\n${chain('input', 'saddr')}\n${chain('output', 'daddr')}\n}`;
  // Added first, so that there is one to delete.
  const anew = ['add table inet cut', 'delete table inet cut', table].join('\n');
  return `nsenter --net=/run/netns/control-plane nft -f - <<'END'\n${anew}\nEND`;
}

function fabricScript(members: readonly string[], nodes: readonly NodeName[]): string {
  return [
    batch('fabric', [
      'link set lo up',
      'link add lan type bridge forward_delay 0 mcast_snooping 0',
      ...members.flatMap((name) => [`link set ${name} master lan`, `link set ${name} up`]),
      'link set lan up',
      'link set client up',
      'link set uplink up',
      ...addLines(localAddresses(fabricAddress), 'lan'),
      ...addLines(hostAddresses(fabricAddress), 'client'),
      ...addLines(hostAddresses(uplink.fabric), 'uplink'),
      ...podRoutes(nodes),
    ]),
    // In a batch of each family, because rules and default routes do not tell theirs.
    batch('fabric -4', fabricRoutes('IPv4', nodes)),
    batch('fabric -6', fabricRoutes('IPv6', nodes)),
  ].join('\n');
}

function fabricRoutes(family: Family, [first]: readonly NodeName[]): readonly string[] {
  return [
    // Addresses of Services that come here unchanged end here, in silence.
    'route add blackhole default',
    `route add ${clientNetwork[family]} via ${clientAddress[family]} dev client onlink`,
    `route add ${loadBalancerNetwork[family]} via ${uplink.cloud[family]} dev uplink onlink`,
    ...(first
      ? [`route add ${externalNetwork[family]} via ${nodeAddresses(first)[family]} dev lan onlink`]
      : []),
    // Answers of nodes; what the cloud passes on comes by the uplink.
    `route add default via ${cloudAddress[family]} dev lan onlink table 60`,
    `rule add from ${loadBalancerNetwork[family]} iif lan lookup 60`,
  ];
}

/** On the local network by eth0. */
function memberScript(name: string, addresses: AddressPair, nodes: readonly NodeName[]): string {
  const gateway = families.map((family) => `route add default via ${fabricAddress[family]} dev eth0`);
  return batch(name, [...memberLines(addresses, nodes), ...gateway]);
}

function cloudScript(nodes: readonly NodeName[]): string {
  const gateway = families.map((family) => `route add default via ${uplink.fabric[family]} dev eth1 onlink`);
  return batch('cloud', [
    ...memberLines(cloudAddress, nodes),
    'link set eth1 up',
    ...addLines(hostAddresses(uplink.cloud), 'eth1'),
    ...gateway,
  ]);
}

function nodeScript(node: NodeName, nodes: readonly NodeName[]): string {
  const others = nodes.filter((other) => other !== node);
  // What is for a pod that has gone ends here.
  const gone = families.map((family) => `route add blackhole ${podNetwork(node)[family]}`);
  return [memberScript(node, nodeAddresses(node), others), batch(node, gone)].join('\n');
}

/** External IPs that the first node has not changed to something else end there: the fabric would send them back. */
function externalScript(family: Family, [first]: readonly NodeName[]): string {
  if (first === undefined) return '';
  return batch(`${first} -${family === 'IPv4' ? 4 : 6}`, [
    `rule add iif eth0 to ${externalNetwork[family]} blackhole`,
  ]);
}

function clientScript(): string {
  return batch('client', [
    'link set lo up',
    'link set eth0 up',
    ...addLines(hostAddresses(clientAddress), 'eth0'),
    ...families.map((family) => `route add default via ${fabricAddress[family]} dev eth0 onlink`),
    // A network that is routed to lo is the namespace's own: sockets may be bound to any address of it.
    ...families.map((family) => `route add local ${clientNetwork[family]} dev lo`),
  ]);
}

function memberLines(addresses: AddressPair, nodes: readonly NodeName[]): readonly string[] {
  return [
    'link set lo up',
    'link set eth0 up',
    ...addLines(localAddresses(addresses), 'eth0'),
    ...podRoutes(nodes),
  ];
}

function podRoutes(nodes: readonly NodeName[]): readonly string[] {
  return nodes.flatMap((node) =>
    families.map((family) => `route add ${podNetwork(node)[family]} via ${nodeAddresses(node)[family]}`),
  );
}

/** The node's side of a pod's link. */
function nearLines({ node, addresses, link }: PodLink): readonly string[] {
  return [
    `link set ${link} up`,
    ...addLines(hostAddresses(podGateway(node)), link),
    // An address may be had again before the link of the pod that had it is gone.
    ...families.map((family) => `route replace ${addresses[family]}/${bits[family]} dev ${link}`),
  ];
}

function podScript({ node, addresses, namespace }: PodLink): string {
  return batch(namespace, [
    'link set lo up',
    'link set eth0 up',
    ...addLines(hostAddresses(addresses), 'eth0'),
    ...families.map(
      (family) => `route add ${everything[family]} via ${podGateway(node)[family]} dev eth0 onlink`,
    ),
  ]);
}

/** One batch in each node that has some of the pods. */
function perNode(pods: readonly PodLink[], lines: (pod: PodLink) => readonly string[]): readonly string[] {
  const nodes = [...new Set(pods.map(({ node }) => node))];
  return nodes.map((name) => batch(name, pods.filter(({ node }) => node === name).flatMap(lines)));
}

function localAddresses({ IPv4, IPv6 }: AddressPair): readonly string[] {
  return [`${IPv4}/${localPrefix.IPv4}`, `${IPv6}/${localPrefix.IPv6}`];
}
