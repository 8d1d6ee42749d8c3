// The shell scripts that build a world.
//
//   client ─────┐
//               fabric ───── node-a ───── p1, p2, p3 …   (a namespace each)
//   node-b ─────┘
//   with r1, r2, r3 … (addresses of node-b itself)
//
// Everything from the client and from node-b goes to node-a first, whatever its destination, and so do the answers: a packet that
// node-a redirected without masquerading finds its way back through node-a, as connection tracking needs it.
import { type Family, families } from '../../src/model/address.ts';
import {
  type AddressPair,
  clientAddress,
  clientNetwork,
  fabricAddress,
  type NodeName,
  nodeAddress,
  podGateway,
  podNetwork,
} from './addresses.ts';
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
} from './links.ts';

export interface Pod {
  readonly name: string;
  readonly node: NodeName;
  readonly addresses: AddressPair;
}

/** `routed`: a link of its own to each pod, `veth-NAME`. `bridge`: the pods' links are ports of the bridge `cni0`. */
export type PodLinks = 'routed' | 'bridge';

const bridgeName = 'cni0';

/** The link on node-a that leads to one of its pods. */
function podLink(pod: string): string {
  return `veth-${pod}`;
}

const ownSysctls: OwnSysctls = {
  'node-a': routerSysctls,
  fabric: routerSysctls,
  client: nonlocalSysctls,
};

/** fabric, node-a, node-b and client with their links, without pods. */
export function baseScript(links: PodLinks): string {
  const names = ['fabric', 'node-a', 'node-b', 'client'];
  const leaves = names.filter((name) => name !== 'fabric');
  return [
    namespacesScript(names, ownSysctls),
    batch(
      undefined,
      leaves.map((name) => `link add ${name} netns fabric type veth peer name eth0 netns ${name}`),
    ),
    fabricScript(leaves),
    uplinkScript('node-a', hostAddresses(pairOf('node-a'))),
    uplinkScript('node-b', hostAddresses(pairOf('node-b'))),
    // A network that is routed to lo is the namespace's own: sockets may be bound to any address of it.
    uplinkScript(
      'client',
      hostAddresses(clientAddress),
      families.map((family) => `route add local ${clientNetwork[family]} dev lo`),
    ),
    ...(links === 'bridge' ? [bridgeScript()] : []),
  ].join('\n');
}

/** Pods of node-a get namespaces; pods of node-b are addresses of it. */
export function podsScript(pods: readonly Pod[], links: PodLinks): string {
  const local = pods.filter(({ node }) => node === 'node-a');
  const remote = pods.filter(({ node }) => node === 'node-b');
  const far = ({ name }: Pod) =>
    `link add ${podLink(name)} netns node-a type veth peer name eth0 netns ${name}`;
  return [
    namespacesScript(local.map(({ name }) => name)),
    batch(undefined, local.map(far)),
    batch(
      'node-a',
      local.flatMap((pod) => nearLines(pod, links)),
    ),
    ...local.map((pod) => podScript(pod, links)),
    batch(
      'node-b',
      remote.flatMap(({ addresses }) => addLines(hostAddresses(addresses), 'lo')),
    ),
  ].join('\n');
}

/** Ends the links of a pod of node-a, or the addresses of a pod of node-b. Its processes must have ended. */
export function removePodScript({ name, node, addresses }: Pod): string {
  if (node === 'node-a') return `ip -n node-a link del ${podLink(name)}\nip netns del ${name}`;
  return batch(
    'node-b',
    hostAddresses(addresses).map((address) => `addr del ${address} dev lo`),
  );
}

/** A further address for a node, the client or a pod of node-a, reachable from everywhere. */
export function addressScript(
  change: 'add' | 'del',
  namespace: string,
  address: string,
  links: PodLinks,
): string {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const host = `${address}/${bits[family]}`;
  const route = (place: string, to: string) => `ip -n ${place} route ${change} ${host} ${to}`;
  const nodad = change === 'add' && family === 'IPv6' ? 'nodad' : '';
  const own = `ip -n ${namespace} addr ${change} ${host} dev eth0 ${nodad}`;
  // Whatever the fabric does not know goes to node-a.
  if (namespace === 'node-a') return own;
  if (namespace !== 'node-b')
    return [own, route('node-a', `dev ${links === 'bridge' ? bridgeName : podLink(namespace)}`)].join('\n');
  return [
    own,
    route('fabric', `via ${nodeAddress('node-b', family)} dev node-b onlink`),
    `ip netns exec fabric nft ${change === 'add' ? 'add' : 'delete'} element inet world known-${family} '{ ${address} }'`,
  ].join('\n');
}

/** Prints lines of `source . destination . protocol . port`: what node-a has sent on unchanged to nowhere. */
export const listEscapedScript = families
  .map((family) => `ip netns exec fabric nft list set inet world escaped-${family}`)
  .join('\n');

export const forgetEscapedScript = `ip netns exec fabric nft '${families
  .map((family) => `flush set inet world escaped-${family}`)
  .join('; ')}'`;

/** Prints lines of `namespace address/length`: what the links have at the moment. */
export const listAddressesScript =
  'for n in $(ls /run/netns); do ip -n $n -oneline address | sed -En "s/.* inet6? ([^ ]+) .*/$n \\1/p"; done';

function fabricScript(leaves: readonly string[]): string {
  const links = leaves.flatMap((leaf) => [
    `link set ${leaf} up`,
    ...addLines(hostAddresses(fabricAddress), leaf),
  ]);
  return [
    batch('fabric', ['link set lo up', ...links]),
    // In a batch of each family, because rules and default routes do not tell theirs.
    batch('fabric -4', fabricRoutes('IPv4')),
    batch('fabric -6', fabricRoutes('IPv6')),
    `ip netns exec fabric nft -f - <<'END'\n${fabricRules()}\nEND`,
  ].join('\n');
}

function fabricRoutes(family: Family): readonly string[] {
  const nodeA = `via ${nodeAddress('node-a', family)} dev node-a onlink`;
  const nodeB = `via ${nodeAddress('node-b', family)} dev node-b onlink`;
  return [
    `route add ${clientNetwork[family]} via ${clientAddress[family]} dev client onlink`,
    `route add ${nodeAddress('node-b', family)}/${bits[family]} ${nodeB}`,
    `route add ${podNetwork('node-b', family)} ${nodeB}`,
    `route add default ${nodeA}`,
    `route add default ${nodeA} table 50`,
    'rule add iif client lookup 50',
    'rule add iif node-b lookup 50',
  ];
}

/** What comes from node-a and is for nobody would go round between the two for ever: record it and drop it. */
function fabricRules(): string {
  const perFamily = families.map((family) => {
    const [ip, type] = family === 'IPv4' ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
    const known = [
      clientNetwork[family],
      podNetwork('node-b', family),
      nodeAddress('node-b', family),
      fabricAddress[family],
    ];
    return {
      sets: `set known-${family} { type ${type}; flags interval; elements = { ${known.join(', ')} } }
        set escaped-${family} { type ${type} . ${type} . inet_proto . inet_service; flags dynamic; size 65535; }`,
      rule: `${ip} daddr != @known-${family} meta l4proto { tcp, udp } update @escaped-${family} { ${ip} saddr . ${ip} daddr . meta l4proto . th dport } drop`,
    };
  });
  return `table inet world {
    ${perFamily.map(({ sets }) => sets).join('\n')}
    chain arriving {
      type filter hook prerouting priority -300
      iifname != node-a accept
      ${perFamily.map(({ rule }) => rule).join('\n')}
    }
  }`;
}

/** eth0 towards the fabric. */
function uplinkScript(name: string, addresses: readonly string[], further: readonly string[] = []): string {
  const routes = families.map((family) => `route add default via ${fabricAddress[family]} dev eth0 onlink`);
  return batch(name, [
    'link set lo up',
    'link set eth0 up',
    ...addLines(addresses, 'eth0'),
    ...routes,
    ...further,
  ]);
}

function bridgeScript(): string {
  return batch('node-a', [
    `link add ${bridgeName} type bridge forward_delay 0`,
    `link set ${bridgeName} up`,
    ...addLines([`${podGateway.IPv4}/24`, `${podGateway.IPv6}/64`], bridgeName),
  ]);
}

/** node-a's side of a pod's link. */
function nearLines({ name, addresses }: Pod, links: PodLinks): readonly string[] {
  const link = podLink(name);
  const up = `link set ${link} up`;
  // Hairpin: a pod may reach itself through a Service.
  if (links === 'bridge')
    return [`link set ${link} master ${bridgeName}`, `link set ${link} type bridge_slave hairpin on`, up];
  const routes = families.map((family) => `route add ${addresses[family]}/${bits[family]} dev ${link}`);
  return [up, ...addLines(hostAddresses(podGateway), link), ...routes];
}

function podScript({ name, addresses }: Pod, links: PodLinks): string {
  const own =
    links === 'bridge' ? [`${addresses.IPv4}/24`, `${addresses.IPv6}/64`] : hostAddresses(addresses);
  const routes = families.map(
    (family) => `route add ${everything[family]} via ${podGateway[family]} dev eth0 onlink`,
  );
  return batch(name, ['link set lo up', 'link set eth0 up', ...addLines(own, 'eth0'), ...routes]);
}

function pairOf(name: NodeName): AddressPair {
  return { IPv4: nodeAddress(name, 'IPv4'), IPv6: nodeAddress(name, 'IPv6') };
}
