import { expect } from 'vitest';
import { addressPort } from '../../src/model/address.ts';
import type { RuleSet } from '../../src/rules/iptables/objects.ts';
import { trace } from '../../src/rules/iptables/trace/evaluate.ts';
import type { Packet } from '../../src/rules/trace.ts';
import { hostOf } from './rules-of.ts';
import type { Case, Played } from './scenario.ts';

/** Sends every packet of a scenario through rules and compares what becomes of it. */
export function expectTraces(ruleSet: RuleSet, play: Played): void {
  const localAddresses = new Set(hostOf(play).addresses);
  for (const each of play.scenario.cases(play.at)) {
    for (const packet of packetsOf(each, play)) {
      const told = trace(ruleSet, packet, { localAddresses });
      const title = `${each.from} (${packet.source}) to ${addressPort(each.to, each.port)}/${packet.protocol}`;
      expect.soft(told.uncertain, title).toEqual([]);
      expect.soft(told.verdict, title).toBe(each.expect.verdict);
      if (each.expect.verdict !== 'forward') continue;
      const { endpoints, masquerade } = each.expect;
      const shares = told.backends.map(({ address, port, probability, masquerade: hidden }) => ({
        endpoint: addressPort(address, port),
        share: probability.toFixed(6),
        hidden,
      }));
      const expected = endpoints.map(({ address, port, probability = 1 / endpoints.length }) => ({
        endpoint: addressPort(address, port),
        share: probability.toFixed(6),
        hidden: masquerade || address === packet.source,
      }));
      expect.soft(sorted(shares), title).toEqual(sorted(expected));
    }
  }
}

function packetsOf(
  { from, sources, to, port, protocol = 'TCP' }: Case,
  { at, scenario }: Played,
): readonly Packet[] {
  const own =
    from === 'node-a'
      ? to === at.loopback
        ? at.loopback
        : at.node
      : from === 'client'
        ? at.client()
        : at.pod(from);
  return (sources ?? [own]).map((source) => ({
    source,
    destination: to,
    destinationPort: port,
    protocol,
    from:
      from === 'node-a'
        ? { kind: 'local' }
        : { kind: 'interface', name: linkOf(from, scenario.bridge === true) },
  }));
}

function linkOf(from: string, bridge: boolean): string {
  if (!from.startsWith('p')) return 'eth0';
  return bridge ? 'cni0' : `veth-${from}`;
}

function sorted<T extends { readonly endpoint: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
}
