import type { NodeRoute } from '../../../routing/route.ts';
import type { IptablesFeatures } from '../features.ts';
import { comment, jump, nodeLocal, nodeRule, notToNetwork, toAddress } from '../match.ts';
import { chainNames, firewall } from '../names.ts';
import type { Chain, JumpRule, Match, Rule, TableName } from '../objects.ts';
import type { RootName } from './dispatch.ts';

const loopback = { IPv4: '127.0.0.0/8', IPv6: '::1/128' } as const;

/** Chains whose rules follow from the node alone. */
export function nodeChains(node: NodeRoute, features: IptablesFeatures): readonly Chain[] {
  const canaries = (['mangle', 'filter', 'nat'] as const).map((table) => ({
    table,
    name: chainNames(node).canary,
    rules: [],
  }));
  return [
    ...canaries,
    ...(node.nodePorts.onLoopback ? [firewallChain()] : []),
    forwardChain(node, features),
    postroutingChain(node, features),
    markChain(node),
  ];
}

/** Stops martian packets that route_localnet would let in (CVE-2020-8558); kubelet installs the same rule. */
function firewallChain(): Chain {
  const states = {
    kind: 'conntrack-state',
    states: ['RELATED', 'ESTABLISHED', 'DNAT'],
    negated: true,
  } as const;
  const matches: Match[] = [
    comment('block incoming localnet connections'),
    { kind: 'destination', cidr: loopback.IPv4, negated: false },
    { kind: 'source', cidr: loopback.IPv4, negated: true },
    states,
  ];
  return { table: 'filter', name: firewall, rules: [nodeRule(matches, { kind: 'drop' })] };
}

function forwardChain(node: NodeRoute, features: IptablesFeatures): Chain {
  const invalid: Match[] = [{ kind: 'conntrack-state', states: ['INVALID'], negated: false }];
  const counter: Match[] = features.nfacct
    ? [{ kind: 'nfacct', counter: 'ct_state_invalid_dropped_pkts' }]
    : [];
  const established: Match = { kind: 'conntrack-state', states: ['RELATED', 'ESTABLISHED'], negated: false };
  return {
    table: 'filter',
    name: chainNames(node).forward,
    rules: [
      ...(node.dropInvalid ? [nodeRule([...invalid, ...counter], { kind: 'drop' })] : []),
      nodeRule([comment('kubernetes forwarding rules'), marked(node, false)], { kind: 'accept' }),
      nodeRule([comment('kubernetes forwarding conntrack rule'), established], { kind: 'accept' }),
    ],
  };
}

/** The mark is taken off before masquerading, because it survives another walk through the stack (tunnels). */
function postroutingChain(node: NodeRoute, features: IptablesFeatures): Chain {
  const snat = comment('kubernetes service traffic requiring SNAT');
  return {
    table: 'nat',
    name: chainNames(node).postrouting,
    rules: [
      nodeRule([marked(node, true)], { kind: 'return' }),
      nodeRule([], { kind: 'mark', clear: 0, flip: node.masqueradeMark }),
      nodeRule([snat], { kind: 'masquerade', fullyRandom: features.randomFully }),
    ],
  };
}

function markChain(node: NodeRoute): Chain {
  const mark = node.masqueradeMark;
  return {
    table: 'nat',
    name: chainNames(node).markMasquerade,
    rules: [nodeRule([], { kind: 'mark', clear: mark, flip: mark })],
  };
}

function marked(node: NodeRoute, negated: boolean): Match {
  return { kind: 'mark', value: node.masqueradeMark, mask: node.masqueradeMark, negated };
}

/** Last rules of nat KUBE-SERVICES: what is addressed to the node itself may be for a NodePort. */
export function nodePortRules(node: NodeRoute): readonly Rule[] {
  const { family, nodePorts } = node;
  const last = comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain');
  const target = jump(chainNames(node).nodePorts);
  if (nodePorts.addresses !== 'any-local') {
    return nodePorts.addresses.map((address) => nodeRule([last, toAddress(address)], target));
  }
  const noLoopback = nodePorts.onLoopback ? [] : [notToNetwork(loopback[family])];
  return [nodeRule([last, nodeLocal('destination'), ...noLoopback], target)];
}

/** `firewall` is not among the names of a proxy. */
type JumpedTo = RootName | 'forward' | 'postrouting' | 'firewall';

type Jump = readonly [table: TableName, builtin: string, chain: JumpedTo, text: string, newOnly: boolean];

/** In kube-proxy's order; each is put first into its built-in chain, so that the last of a chain ends up on top. */
const jumps: readonly Jump[] = [
  ['filter', 'INPUT', 'externalServices', 'kubernetes externally-visible service portals', true],
  ['filter', 'FORWARD', 'externalServices', 'kubernetes externally-visible service portals', true],
  ['filter', 'INPUT', 'nodePorts', 'kubernetes health check service ports', false],
  ['filter', 'FORWARD', 'services', 'kubernetes service portals', true],
  ['filter', 'OUTPUT', 'services', 'kubernetes service portals', true],
  ['filter', 'FORWARD', 'forward', 'kubernetes forwarding rules', false],
  ['filter', 'INPUT', 'proxyFirewall', 'kubernetes load balancer firewall', true],
  ['filter', 'OUTPUT', 'proxyFirewall', 'kubernetes load balancer firewall', true],
  ['filter', 'FORWARD', 'proxyFirewall', 'kubernetes load balancer firewall', true],
  ['nat', 'OUTPUT', 'services', 'kubernetes service portals', false],
  ['nat', 'PREROUTING', 'services', 'kubernetes service portals', false],
  ['nat', 'POSTROUTING', 'postrouting', 'kubernetes postrouting rules', false],
  ['filter', 'INPUT', 'firewall', '', false],
  ['filter', 'OUTPUT', 'firewall', '', false],
];

/** The rules by which the kernel's built-in chains reach ours. */
export function jumpRules(node: NodeRoute): readonly JumpRule[] {
  const names = chainNames(node);
  return jumps
    .filter(([, , chain]) => chain !== 'firewall' || node.nodePorts.onLoopback)
    .map(([table, builtin, chain, text, newOnly]) => {
      const state: Match[] = newOnly ? [{ kind: 'conntrack-state', states: ['NEW'], negated: false }] : [];
      return {
        table,
        builtin,
        rule: nodeRule(
          [...state, ...(text === '' ? [] : [comment(text)])],
          jump(chain === 'firewall' ? firewall : names[chain]),
        ),
      };
    });
}
