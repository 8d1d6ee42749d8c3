import { addressText, addressWidth, type Family } from '../../../model/address.ts';
import type { NodeRoute, Route } from '../../../routing/route.ts';
import { childrenOf, type Placed, type RadixNode } from '../../radix.ts';
import type { IptablesFeatures } from '../features.ts';
import { jump, nodeRule, toNetwork } from '../match.ts';
import { type ChainNames, chainNames } from '../names.ts';
import type { Match, Rule, TableName, TransportProtocol } from '../objects.ts';
import { type DispatchTree, protocolDigits, ruleOfEntry, type TreeName } from './dispatch-rules.ts';

/**
 * A chain with more rules than this is a tree: it splits by the next four bits of the key, so that a first packet to the
 * last of 30,000 Services takes 7 µs, not 177 (docs/benchmarks.md), and one change rewrites one leaf.
 */
export const longestDispatch = 16;

/** The chain that a tree hangs from. */
export type RootName = 'services' | 'externalServices' | 'nodePorts' | 'proxyFirewall';

/** A tree of rules below one of kube-proxy's chains; `keys` says what the digits of the tree's keys mean. */
interface TreePlace {
  readonly table: TableName;
  readonly root: RootName;
  /** `address`: hexadecimal address, protocol, port. `port`: protocol, port. */
  readonly keys: 'address' | 'port';
}

export const trees: Readonly<Record<TreeName, TreePlace>> = {
  'nat-services': { table: 'nat', root: 'services', keys: 'address' },
  'nat-node-ports': { table: 'nat', root: 'nodePorts', keys: 'port' },
  'filter-services': { table: 'filter', root: 'services', keys: 'address' },
  'filter-external': { table: 'filter', root: 'externalServices', keys: 'address' },
  'filter-external-node-ports': { table: 'filter', root: 'externalServices', keys: 'port' },
  'filter-firewall': { table: 'filter', root: 'proxyFirewall', keys: 'address' },
  'filter-health-checks': { table: 'filter', root: 'nodePorts', keys: 'port' },
};

export const treeNames: readonly TreeName[] = [
  'nat-services',
  'nat-node-ports',
  'filter-services',
  'filter-external',
  'filter-external-node-ports',
  'filter-firewall',
  'filter-health-checks',
];

export type Dispatch = Readonly<Record<TreeName, DispatchTree>>;

/** Name of the chain at a position of a tree; the root's position is empty. */
export function treeChain(names: ChainNames, tree: TreeName, position: string): string {
  return names.dispatchTreeChain(names[trees[tree].root], tree, position);
}

/**
 * Rules of one node of a tree: its own, or jumps to its children. Jumps, not gotos: a packet that finds nothing in a child
 * comes back and meets the end of the root chain.
 */
export function treeRules(
  tree: TreeName,
  place: RadixNode<Route>,
  node: NodeRoute,
  features: IptablesFeatures,
): readonly Rule[] {
  if (place.kind === 'leaf') return place.entries.map((entry) => ruleOfEntry(tree, entry, node, features));
  return childrenOf(place).map((child) => childRule(node, tree, child));
}

function childRule(node: NodeRoute, tree: TreeName, { position }: Placed<Route>): Rule {
  const { family } = node;
  const addressDigits = trees[tree].keys === 'address' ? addressWidth(family) / 4 : 0;
  const target = jump(treeChain(chainNames(node), tree, position));
  const address = position.slice(0, addressDigits);
  const [protocol, ...port] = position.slice(addressDigits);
  const matches: Match[] = [];
  if (protocol !== undefined) matches.push({ kind: 'protocol', protocol: protocolOfDigit(protocol) });
  if (address !== '') matches.push(toNetwork(networkOf(family, address)));
  if (port.length > 0) matches.push(portRange(port.join('')));
  return nodeRule(matches, target);
}

/** The network whose addresses begin with the hexadecimal digits. */
function networkOf(family: Family, digits: string): string {
  const width = addressWidth(family);
  return `${addressText(BigInt(`0x${digits.padEnd(width / 4, '0')}`), family)}/${digits.length * 4}`;
}

function portRange(digits: string): Match {
  return {
    kind: 'destination-ports',
    from: Number.parseInt(digits.padEnd(4, '0'), 16),
    to: Number.parseInt(digits.padEnd(4, 'f'), 16),
  };
}

function protocolOfDigit(digit: string): TransportProtocol {
  if (digit === protocolDigits.UDP) return 'udp';
  return digit === protocolDigits.SCTP ? 'sctp' : 'tcp';
}
