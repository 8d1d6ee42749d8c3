import { toError } from '../errors.ts';
import { createUdpTable, type UdpFilter, type UdpTable } from '../kernel/conntrack.ts';
import type { Exec } from '../kernel/exec.ts';
import { readLocalNetworks } from '../kernel/local-networks.ts';
import { type Cidr, contains, type Family } from '../model/address.ts';
import { isServed, stalenessOf, type UdpFlow, type UdpFrontends } from '../routing/udp-flows.ts';
import { partsOf } from '../routing/udp-fronts.ts';

export interface StaleFlowsOptions {
  readonly exec: Exec;
  readonly family: Family;
  /** Where to look and who serves there. Asked again before each removal, because newer rules may be in force by then. */
  readonly frontends: () => UdpFrontends;
  /** Asked before each removal; false ends it there. */
  readonly mayGoOn: () => boolean;
  readonly abort?: AbortSignal | undefined;
}

export interface StaleFlowsRemoved {
  readonly entries: number;
  /** All that was found stale was removed, or at least tried. */
  readonly complete: boolean;
  /** The first of what failed; the rest was done all the same. */
  readonly failure: Error | undefined;
}

/**
 * Removes the UDP entries of connection tracking that keep clients at endpoints that serve no more. TCP and SCTP are never touched, and
 * neither is a flow that is answered by who serves.
 *
 * The program cannot name several endpoints in one call, nor find a single entry without reading the table. So the table is listed
 * once, stale entries are put together by destination and endpoint, and each such group is one call: those with most entries first.
 */
export async function removeStaleFlows(options: StaleFlowsOptions): Promise<StaleFlowsRemoved> {
  const { exec, family, frontends, mayGoOn, abort } = options;
  const table = createUdpTable({ exec, family, abort });
  let entries = 0;
  let failure: Error | undefined;
  const attempt = async <T>(what: Promise<T>): Promise<T | undefined> =>
    what.catch((thrown: unknown) => {
      failure ??= toError(thrown);
      return undefined;
    });
  const found = (await attempt(findGroups(table, frontends()))) ?? [];
  const isUncertain = found.some(({ staleness }) => staleness === 'if-local');
  const local = (isUncertain ? await attempt(readLocalNetworks(exec, family)) : undefined) ?? [];
  for (const group of found) {
    if (!mayGoOn()) return { entries, complete: false, failure };
    if (group.staleness === 'if-local' && !isLocal(group.flow, local)) continue;
    const filter = filterOf(group.flow, frontends());
    if (filter !== undefined) entries += (await attempt(table.remove(filter))) ?? 0;
  }
  return { entries, complete: true, failure };
}

/** Entries with the same destination and endpoint. */
interface Group {
  readonly flow: UdpFlow;
  readonly staleness: 'stale' | 'if-local';
  count: number;
}

async function findGroups(table: UdpTable, frontends: UdpFrontends): Promise<readonly Group[]> {
  const groups = new Map<string, Group>();
  await table.list(commonFilter(frontends), (flow) => {
    const staleness = stalenessOf(frontends, flow);
    if (staleness === 'fresh') return;
    const key = Object.values(isServed(frontends, flow) ? flow : toAnybody(flow)).join(' ');
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { flow, staleness, count: 1 });
    else known.count += 1;
  });
  return [...groups.values()].sort((one, other) => other.count - one.count);
}

/** The part of the flow that holds for all flows to the same place. */
function toAnybody({ destination, port }: UdpFlow): UdpFilter {
  return { destination, port };
}

/** What all places have in common: what the program leaves out need not be printed and read, a third of the time of a listing. */
function commonFilter({ addresses, nodePorts }: UdpFrontends): UdpFilter {
  const places = Array.from(addresses.keys(), partsOf);
  const ports = new Set([...places.map((place) => place.port), ...nodePorts.keys()]);
  const destinations = new Set(places.map(({ address }) => address));
  const [destination] = destinations;
  const [port] = ports;
  return {
    ...(destination !== undefined && destinations.size === 1 && nodePorts.size === 0 ? { destination } : {}),
    ...(port !== undefined && ports.size === 1 ? { port } : {}),
  };
}

/** Exactly the entries of the group that are stale still; undefined: none is. */
function filterOf(flow: UdpFlow, frontends: UdpFrontends): UdpFilter | undefined {
  if (stalenessOf(frontends, flow) === 'fresh') return undefined;
  return isServed(frontends, flow) ? flow : toAnybody(flow);
}

function isLocal({ destination }: UdpFlow, local: readonly Cidr[]): boolean {
  return local.some((cidr) => contains(cidr, destination));
}
