import type { NodeRoute } from '../../../routing/route.ts';
import { type IptablesFeatures, usualFeatures } from '../features.ts';
import { canonicalRule } from '../fingerprint.ts';
import { nodeChains } from '../layout/node-chains.ts';
import { chainNames } from '../names.ts';
import type { Chain, Match, RuleSet, Target } from '../objects.ts';

/**
 * Whether the node's chains in the kernel are those that some other settings would give: another mark, or programs that can do less or more.
 * Then they are an older state, or kube-proxy's, and nobody has touched them.
 */
export function isOlderNode(live: RuleSet, node: NodeRoute): boolean {
  const { forward, markMasquerade, postrouting } = chainNames(node);
  const mark = targets(live, markMasquerade).find((target) => target.kind === 'mark')?.flip;
  if (mark === undefined) return false;
  const masquerade = targets(live, postrouting).find((target) => target.kind === 'masquerade');
  const forwarded = matches(live, forward);
  const features: IptablesFeatures = {
    ...usualFeatures,
    randomFully: masquerade?.fullyRandom ?? false,
    nfacct: forwarded.some(({ kind }) => kind === 'nfacct'),
  };
  const older = nodeChains({ ...node, masqueradeMark: mark }, features);
  return older.every((chain) => isSame(live[chain.table].get(chain.name), chain));
}

function isSame(live: Chain | undefined, wanted: Chain): boolean {
  const text = ({ rules }: Chain) => rules.map((rule) => canonicalRule(rule, true)).join('\n');
  return live !== undefined && text(live) === text(wanted);
}

function targets(live: RuleSet, chain: string): readonly Target[] {
  return [live.nat, live.filter].flatMap(
    (table) => table.get(chain)?.rules.map(({ target }) => target) ?? [],
  );
}

function matches(live: RuleSet, chain: string): readonly Match[] {
  return live.filter.get(chain)?.rules.flatMap((rule) => rule.matches) ?? [];
}
