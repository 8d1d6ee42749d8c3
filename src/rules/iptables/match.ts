import { hostCidr } from '../../model/address.ts';
import type { Protocol } from '../../model/service.ts';
import type { LocalPods, Route } from '../../routing/route.ts';
import type { Match, Rule, Target, TransportProtocol } from './objects.ts';

const transport: Readonly<Record<Protocol, TransportProtocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

export function comment(text: string): Match {
  return { kind: 'comment', text };
}

/** Any port of the Route's protocol. */
export function protocolOf(route: Route): Match {
  return { kind: 'protocol', protocol: transport[route.protocol] };
}

export function toPort(port: number): Match {
  return { kind: 'destination-ports', from: port, to: port };
}

export function toAddress(address: string): Match {
  return { kind: 'destination', cidr: hostCidr(address), negated: false };
}

export function toNetwork(cidr: string): Match {
  return { kind: 'destination', cidr, negated: false };
}

export function notToNetwork(cidr: string): Match {
  return { kind: 'destination', cidr, negated: true };
}

export function fromNetwork(cidr: string): Match {
  return { kind: 'source', cidr, negated: false };
}

/** The packet's source or destination is an address of this node. */
export function nodeLocal(side: 'source' | 'destination'): Match {
  return { kind: 'address-type', side, negated: false };
}

/** The Route's port at one of its virtual addresses, in kube-proxy's order of matches. */
export function toServicePort(route: Route, address: string): readonly Match[] {
  return [protocolOf(route), toAddress(address), toPort(route.port)];
}

/** The packet comes from a pod of this node, or with `negated` from elsewhere. */
export function fromLocalPods(localPods: LocalPods, negated: boolean): Match {
  switch (localPods.kind) {
    case 'source-network':
      return { kind: 'source', cidr: localPods.cidr, negated };
    case 'interface':
      return { kind: 'in-interface', name: localPods.name, negated };
    case 'interface-prefix':
      return { kind: 'in-interface', name: `${localPods.prefix}+`, negated };
  }
}

/** The detector behind a match, negated or not: the inverse of {@link fromLocalPods}. */
export function localPodsOf(match: Match): LocalPods | undefined {
  if (match.kind === 'source') return { kind: 'source-network', cidr: match.cidr };
  if (match.kind !== 'in-interface') return undefined;
  return match.name.endsWith('+')
    ? { kind: 'interface-prefix', prefix: match.name.slice(0, -1) }
    : { kind: 'interface', name: match.name };
}

export function jump(chain: string): Target {
  return { kind: 'jump', chain };
}

/** A rule that serves one Route. */
export function ruleOf(route: Route, matches: readonly Match[], target: Target): Rule {
  return { matches, target, service: route.key };
}

/** A rule that serves the whole node. */
export function nodeRule(matches: readonly Match[], target: Target): Rule {
  return { matches, target, service: undefined };
}
