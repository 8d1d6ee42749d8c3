import { type Family, families } from '../../../src/model/address.ts';
import { loadBalancerIP, loadBalancerNetwork, nodeAddresses } from '../network/addresses.ts';
import { type NodeName, nodeNames } from '../nodes.ts';

/** The addresses of a number, and who gets their packets. */
export interface Forwarding {
  readonly number: number;
  readonly families: readonly Family[];
  readonly healthy: readonly NodeName[];
}

const table = 'inet balancers';
const match: Readonly<Record<Family, string>> = { IPv4: 'ip daddr', IPv6: 'ip6 daddr' };

/** The mark of a connection that belongs to the node. */
function markOf(node: NodeName): number {
  return nodeNames.indexOf(node) + 1;
}

/** Lines for `ip -4 -batch` or `ip -6 -batch`: what is marked for a node is sent to it, whatever its destination. */
export function routes(family: Family): string {
  const lines = nodeNames.flatMap((node) => {
    const number = markOf(node);
    return [
      `route replace default via ${nodeAddresses(node)[family]} table ${100 + number}`,
      `rule add fwmark ${number} lookup ${100 + number} pref ${100 + number}`,
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** The whole table for nft, which takes the place of the last one in one transaction. Marks of connections outlive it. */
export function rules(balancers: readonly Forwarding[]): string {
  return [
    // Added first, so that there is one to delete.
    `add table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    ...balancers.flatMap(balancerChain),
    'chain prerouting {',
    'type filter hook prerouting priority mangle; policy accept;',
    ...families.flatMap((family) => dispatch(family, balancers)),
    '}',
    '}',
    '',
  ].join('\n');
}

function balancerChain({ number, healthy }: Forwarding): readonly string[] {
  const marks = healthy.map(markOf);
  const choices = marks.map((mark, index) => `${index} : ${mark}`).join(', ');
  const unhealthy = marks.length === 0 ? '' : `ct mark != { ${marks.join(', ')} }`;
  return [
    `chain lb-${number} {`,
    // A UDP flow has no end that could be seen; it does not stay with a node that is not healthy.
    `meta l4proto udp ${unhealthy} ct mark set 0`,
    marks.length === 0
      ? 'ct mark 0 drop'
      : `ct mark 0 ct mark set numgen random mod ${marks.length} map { ${choices} }`,
    'meta mark set ct mark',
    '}',
  ];
}

/** Packets to addresses that nobody has are dropped. */
function dispatch(family: Family, balancers: readonly Forwarding[]): readonly string[] {
  const entries = balancers
    .filter((each) => each.families.includes(family))
    .map(({ number }) => `${loadBalancerIP(number, family)} : jump lb-${number}`);
  return [
    ...(entries.length === 0 ? [] : [`${match[family]} vmap { ${entries.join(', ')} }`]),
    `${match[family]} ${loadBalancerNetwork[family]} meta mark 0 drop`,
  ];
}
