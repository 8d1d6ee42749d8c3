import type { Cidr } from '../../../model/address.ts';
import type { Packet, TraceWorld } from '../../trace.ts';
import type { Chain, TableName } from '../objects.ts';
import { isLocal, type Sight } from './evaluate-match.ts';

/** A packet on its way through the hooks. Changed in place, and copied where chance splits the way. */
export interface Walker extends Sight {
  /** How likely it is on this way. */
  weight: number;
  /** Tables at hooks that are still to come, the current one first. */
  path: readonly Stage[];
  inInterface: string;
  destination: string;
  port: number;
  mark: number;
  translated: boolean;
  masquerade: boolean;
  /** Where it stands in the current hook; undefined: before its built-in chain. */
  place: Place | undefined;
}

/** One table at one hook. */
export interface Stage {
  readonly hook: string;
  readonly table: TableName;
}

/** A chain and the next rule in it. */
export interface Place {
  readonly chain: Chain;
  next: number;
  /** Where a return leads to; undefined: to the policy of the built-in chain. */
  readonly caller: Place | undefined;
  /** Jumps so far. */
  readonly depth: number;
}

/** A packet before its first hook. */
export function enter(packet: Packet, world: TraceWorld): Walker {
  return {
    packet,
    world,
    networks: new Map<string, Cidr | undefined>(),
    weight: 1,
    path: packet.from.kind === 'local' ? fromProcess : beforeRouting,
    inInterface: '',
    destination: packet.destination,
    port: packet.destinationPort,
    mark: 0,
    translated: false,
    masquerade: false,
    place: undefined,
  };
}

/** The same packet, for the way that was not taken. */
export function split(walker: Walker, weight: number): Walker {
  const { place } = walker;
  return { ...walker, weight, place: place === undefined ? undefined : { ...place } };
}

/** On to the next hook. Behind PREROUTING, routing decides; what a process sends to its own node comes in again through loopback. */
export function proceed(walker: Walker): void {
  const rest = walker.path.slice(1);
  walker.place = undefined;
  walker.path = rest.length > 0 ? rest : pathBehind(walker);
}

/** The interface that `-i` sees at the hook: none for what a process sends, until it comes in again. */
export function interfaceAt(hook: string, { from }: Packet): string {
  if (from.kind === 'interface') return from.name;
  return hook === 'INPUT' ? 'lo' : '';
}

const beforeRouting = stagesOf('PREROUTING', 'mangle', 'nat');
const toProcess = stagesOf('INPUT', 'mangle', 'filter', 'nat');
const afterRouting = stagesOf('POSTROUTING', 'mangle', 'nat');
const throughNode = [...stagesOf('FORWARD', 'mangle', 'filter'), ...afterRouting];
const fromProcess = [...stagesOf('OUTPUT', 'mangle', 'nat', 'filter'), ...afterRouting];

function stagesOf(hook: string, ...tables: readonly TableName[]): readonly Stage[] {
  return tables.map((table) => ({ hook, table }));
}

function pathBehind({ path, packet, world, destination }: Walker): readonly Stage[] {
  const hook = path[0]?.hook;
  const local = isLocal(destination, world);
  if (hook === 'PREROUTING') return local ? toProcess : throughNode;
  return hook === 'POSTROUTING' && local && packet.from.kind === 'local' ? toProcess : [];
}
