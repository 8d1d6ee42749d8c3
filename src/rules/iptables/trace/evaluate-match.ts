import { type Cidr, contains, parseCidr } from '../../../model/address.ts';
import type { Packet, TraceWorld } from '../../trace.ts';
import type { Match, MatchOf, Rule } from '../objects.ts';

/** A packet at one point of its way. */
export interface Sight {
  readonly packet: Packet;
  readonly world: TraceWorld;
  /** Name of the interface it came in by; empty where the kernel has none (locally generated). */
  readonly inInterface: string;
  /** Where it goes to by now. */
  readonly destination: string;
  readonly port: number;
  readonly mark: number;
  /** Whether its destination was changed by DNAT. */
  readonly translated: boolean;
  /** Networks that were met, by their text. */
  readonly networks: Map<string, Cidr | undefined>;
}

/** `no`, or how likely the rule matches; `unknown` when all that can be judged holds, and something cannot. */
export type Chance = number | 'unknown';

/** How likely all matches of the rule hold: 0, 1, or the share of a statistic match. */
export function chanceOf(rule: Rule, sight: Sight): Chance {
  let chance = 1;
  let unknown = false;
  for (const match of rule.matches) {
    const one = judge(match, sight);
    if (one === 0) return 0;
    if (one === 'unknown') unknown = true;
    else chance *= one;
  }
  return unknown ? 'unknown' : chance;
}

/** Whether it is an address of the node: one of its interfaces, or loopback. */
export function isLocal(address: string, world: TraceWorld): boolean {
  return address.startsWith('127.') || address === '::1' || world.localAddresses.has(address);
}

function judge<K extends Match['kind']>(match: MatchOf<K>, sight: Sight): Chance {
  return judges[match.kind](match, sight);
}

const judges: { readonly [K in Match['kind']]: (match: MatchOf<K>, sight: Sight) => Chance } = {
  comment: () => 1,
  protocol: ({ protocol }, { packet }) => yes(packet.protocol.toLowerCase() === protocol),
  source: ({ cidr, negated }, sight) => yes(inside(cidr, sight.packet.source, sight) !== negated),
  destination: ({ cidr, negated }, sight) => yes(inside(cidr, sight.destination, sight) !== negated),
  'destination-ports': ({ from, to }, { port }) => yes(from <= port && port <= to),
  'in-interface': ({ name, negated }, { inInterface }) => yes(isInterface(name, inInterface) !== negated),
  mark: ({ value, mask, negated }, sight) => yes(((sight.mark & mask) >>> 0 === value) !== negated),
  'conntrack-state': ({ states, negated }, { packet, translated }) =>
    yes((states.includes(packet.state ?? 'NEW') || (translated && states.includes('DNAT'))) !== negated),
  'address-type': ({ side, negated }, { packet, destination, world }) =>
    yes(isLocal(side === 'source' ? packet.source : destination, world) !== negated),
  statistic: ({ probability }) => Math.round(Number(probability) * 2 ** 31) / 2 ** 31,
  'recent-check': ({ list }, { packet }) => yes(packet.affinity?.has(list) === true),
  'recent-set': () => 1,
  nfacct: () => 1,
  other: ({ text }) => judgeOther(text),
};

/** Protocols are TCP, UDP and SCTP here, and packets are whole: so much can be said of foreign matches. */
function judgeOther(text: string): Chance {
  if (text.startsWith('-p ') || text === '-f') return 0;
  return text === '! -f' ? 1 : 'unknown';
}

function yes(holds: boolean): number {
  return holds ? 1 : 0;
}

function inside(cidr: string, address: string, { networks }: Sight): boolean {
  const host = address.includes(':') ? '/128' : '/32';
  // Most rules are about one address, and there may be thousands.
  if (cidr.endsWith(host)) return cidr.length === address.length + host.length && cidr.startsWith(address);
  let network = networks.get(cidr);
  if (network === undefined && !networks.has(cidr)) {
    network = parseCidr(cidr);
    networks.set(cidr, network);
  }
  return network !== undefined && contains(network, address);
}

function isInterface(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
