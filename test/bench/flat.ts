// kube-proxy's layout of the same rules, as a baseline: lists where nodeplane has trees.
import { addressPort } from '../../src/model/address.ts';
import { get } from '../../src/model/immutable-map.ts';
import type { Route } from '../../src/routing/route.ts';
import { treeChain } from '../../src/rules/iptables/layout/dispatch.ts';
import { ruleOfEntry } from '../../src/rules/iptables/layout/dispatch-rules.ts';
import type { Layout } from '../../src/rules/iptables/layout/layout.ts';
import { nodePortRules } from '../../src/rules/iptables/layout/node-chains.ts';
import { kubeProxyNames } from '../../src/rules/iptables/names.ts';
import type { Rule } from '../../src/rules/iptables/objects.ts';
import { renderRule } from '../../src/rules/iptables/render.ts';
import type { Line, Step } from '../../src/rules/plan.ts';
import { type Entry, entriesOf, nodesOf } from '../../src/rules/radix.ts';

const { services } = kubeProxyNames;

/** Steps that write every Service's rule into KUBE-SERVICES itself, in order of address, instead of into a tree below it. */
export function flatDispatch(layout: Layout, steps: readonly Step[]): readonly Step[] {
  const tree = 'nat-services';
  const { root } = layout.dispatch[tree];
  const inTree = new Set(
    [...nodesOf({ position: '', node: root })].map(({ position }) =>
      treeChain(kubeProxyNames, tree, position),
    ),
  );
  inTree.delete(services);
  const { node } = layout.routes;
  const ruleOf = (entry: Entry<Route>) => ruleOfEntry(tree, entry, node, layout.options.features);
  const rules = [...entriesOf(root).map(ruleOf), ...nodePortRules(node)];
  const lines = rules.map((rule) => lineOf(services, rule));
  return steps
    .filter(({ table, chain }) => table !== 'nat' || !inTree.has(chain))
    .map((step) =>
      step.table === 'nat' && step.chain === services ? { ...step, lines: () => lines } : step,
    );
}

/**
 * What kube-proxy restores when one Service has changed: its chains, and the whole of KUBE-SERVICES with them. `changed` are our
 * own steps for the same change.
 */
export function flatChange(layout: Layout, changed: readonly Step[]): readonly Step[] {
  const root: Step = {
    verb: 'write',
    table: 'nat',
    chain: services,
    lines: () => [],
    size: { lines: 0, bytes: 0 },
    service: undefined,
    creates: false,
    replaces: 0,
  };
  return flatDispatch(layout, [root, ...changed.filter(({ chain }) => chain !== services)]);
}

/** Steps that choose among a Route's endpoints in a single chain, each with its share of what is left. */
export function linearChoice(layout: Layout, steps: readonly Step[], service: string): readonly Step[] {
  const route = get(layout.routes.routes, service);
  if (route === undefined) throw new Error(`no such Route: ${service}`);
  const entry = kubeProxyNames.serviceChain('SVC', route);
  const ours = steps.filter((step) => step.service === service);
  const chains = ours.map(({ chain }) => chain).filter((chain) => chain.startsWith('KUBE-SEP-'));
  const head = ours
    .filter(({ chain }) => chain === entry)
    .flatMap((step) => step.lines().filter(({ text }) => text.endsWith('-j KUBE-MARK-MASQ')));
  const lines = chains.map((chain, index) => {
    const { address, port } = route.endpoints.cluster[index] ?? { address: '', port: 0 };
    const text = `${route.name} -> ${addressPort(address, port)}`;
    const comment = layout.options.comments ? ` -m comment --comment "${text}"` : '';
    return choiceLine({ entry, comment, chain, left: chains.length - index, service });
  });
  const isBranch = ({ chain }: Step): boolean => chain.startsWith('KUBE-SVC-') && chain !== entry;
  return steps
    .filter((step) => step.service !== service || !isBranch(step))
    .map((step) => (step.chain === entry ? { ...step, lines: () => [...head, ...lines] } : step));
}

function choiceLine(choice: {
  readonly entry: string;
  readonly comment: string;
  readonly chain: string;
  readonly left: number;
  readonly service: string;
}): Line {
  const { entry, comment, chain, left, service } = choice;
  const share = left === 1 ? '' : ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
  return { text: `-A ${entry}${comment}${share} -j ${chain}`, service };
}

function lineOf(chain: string, rule: Rule): Line {
  return { text: renderRule(chain, rule), service: rule.service };
}
