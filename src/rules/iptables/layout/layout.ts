import { differences, entries, get } from '../../../model/immutable-map.ts';
import type { FamilyRoutes, Route } from '../../../routing/route.ts';
import { changedNodes, type Entry, insert, nodesOf, type RadixNode, remove, treeOf } from '../../radix.ts';
import type { IptablesFeatures } from '../features.ts';
import { chainNames } from '../names.ts';
import type { Chain, TableName } from '../objects.ts';
import {
  type Dispatch,
  longestDispatch,
  type RootName,
  treeChain,
  treeNames,
  treeRules,
  trees,
} from './dispatch.ts';
import { type DispatchTree, dispatchEntries, type TreeName } from './dispatch-rules.ts';
import { nodeChains, nodePortRules } from './node-chains.ts';
import { serviceChains } from './service-chains.ts';
import { type Supported, supported } from './supported.ts';

/** What the layout depends on beside the Routes. */
export interface LayoutOptions {
  readonly features: IptablesFeatures;
  /** Name each endpoint in a comment; in large clusters those comments are most of the table's bytes. */
  readonly comments: boolean;
}

/** The wanted rules of one family. Chains are made from it when they are needed, so that only Routes and trees stay in memory. */
export interface Layout extends Supported {
  readonly options: LayoutOptions;
  readonly dispatch: Dispatch;
}

/** A chain as it is wanted; `chain: undefined` means that it has to go. */
export interface WantedChain {
  readonly table: TableName;
  readonly name: string;
  readonly chain: Chain | undefined;
  /** Key of the Route it serves; undefined when it serves several or the whole node. */
  readonly service: string | undefined;
  /** Makes the chain again, so that it need not be kept; for one that serves a Route {@link chainsOfService} does. */
  readonly again: (() => Chain) | undefined;
}

/** A chain that may differ between two layouts; `chain` is how it is wanted now. */
export interface ChangedChain extends WantedChain {
  /** Undefined: the layout before did not have it. */
  readonly before: Chain | undefined;
}

/** Root chains of the dispatch trees, each with the trees whose rules it holds, in order. */
const rootChains: readonly {
  readonly table: TableName;
  readonly root: RootName;
  readonly of: readonly TreeName[];
}[] = [
  { table: 'filter', root: 'services', of: ['filter-services'] },
  { table: 'filter', root: 'externalServices', of: ['filter-external', 'filter-external-node-ports'] },
  { table: 'filter', root: 'nodePorts', of: ['filter-health-checks'] },
  { table: 'filter', root: 'proxyFirewall', of: ['filter-firewall'] },
  { table: 'nat', root: 'services', of: ['nat-services'] },
  { table: 'nat', root: 'nodePorts', of: ['nat-node-ports'] },
];

/**
 * Lays the Routes out, as far as the kernel can have them. With a previous layout of the same node and options, only Routes that changed are visited and the rest is
 * shared. Yields between Routes, so that a caller may pause.
 */
export function* layOut(
  routes: FamilyRoutes,
  options: LayoutOptions,
  previous?: Layout,
): Generator<undefined, Layout> {
  const follows = previous !== undefined && isComparable(previous, { routes, options });
  const able = yield* supported(routes, options.features, follows ? previous : undefined);
  const dispatch = follows
    ? yield* followDispatch(previous, able.routes)
    : yield* freshDispatch(able.routes, options);
  return { ...able, options, dispatch };
}

function* followDispatch(previous: Layout, routes: FamilyRoutes): Generator<undefined, Dispatch> {
  const { features } = previous.options;
  const dispatch: Record<TreeName, DispatchTree> = { ...previous.dispatch };
  for (const { before, after } of differences(previous.routes.routes, routes.routes)) {
    const old = before === undefined ? [] : dispatchEntries(before, routes.node, features);
    for (const entry of old) dispatch[entry.tree] = remove(dispatch[entry.tree], entry);
    if (after !== undefined) {
      for (const { tree, key, id } of dispatchEntries(after, routes.node, features))
        dispatch[tree] = insert(dispatch[tree], { key, id, value: after });
    }
    yield;
  }
  return dispatch;
}

function* freshDispatch(routes: FamilyRoutes, { features }: LayoutOptions): Generator<undefined, Dispatch> {
  const placed = byTree<Entry<Route>[]>(() => []);
  for (const [, value] of entries(routes.routes)) {
    for (const { tree, key, id } of dispatchEntries(value, routes.node, features))
      placed[tree].push({ key, id, value });
    yield;
  }
  return byTree((tree) => treeOf<Route>(longestDispatch, placed[tree]));
}

/** Every wanted chain: the node's, the dispatch trees', then those of the Routes, all in a stable order. */
export function* wantedChains(layout: Layout): Generator<WantedChain> {
  const { node, routes } = layout.routes;
  for (const chain of nodeChains(node, layout.options.features)) yield shared(() => chain);
  for (const root of rootChains) yield rootChain(layout, root);
  for (const tree of treeNames) yield* treeChains(layout, tree);
  const sorted = [...entries(routes)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, route] of sorted) yield* routeChains(layout, route);
}

/**
 * Chains that may differ between two layouts of the same node and options (see {@link isComparable}), with those that have to go.
 * What the layouts share is not visited.
 */
export function* changedChains(before: Layout, after: Layout): Generator<ChangedChain> {
  for (const root of rootChains) {
    if (root.of.some((tree) => before.dispatch[tree].root !== after.dispatch[tree].root))
      yield { ...rootChain(after, root), before: rootChain(before, root).chain };
  }
  for (const tree of treeNames) {
    for (const { position, ...node } of changedNodes(before.dispatch[tree], after.dispatch[tree])) {
      if (position === '') continue;
      const old = treeChainAt(before, tree, position, node.before);
      yield { ...treeChainAt(after, tree, position, node.after), before: old.chain };
    }
  }
  for (const change of differences(before.routes.routes, after.routes.routes))
    yield* routeChanges(before, after, change);
}

/** Whether one layout can follow from the other by its changed Routes alone. */
export function isComparable(
  a: Pick<Layout, 'routes' | 'options'>,
  b: Pick<Layout, 'routes' | 'options'>,
): boolean {
  return a.routes.node === b.routes.node && JSON.stringify(a.options) === JSON.stringify(b.options);
}

function* routeChanges(
  before: Layout,
  after: Layout,
  change: { readonly before: Route | undefined; readonly after: Route | undefined },
): Generator<ChangedChain> {
  const gone = new Map(
    change.before === undefined
      ? []
      : [...routeChains(before, change.before)].map((each) => [each.name, each]),
  );
  for (const fresh of change.after === undefined ? [] : routeChains(after, change.after)) {
    yield { ...fresh, before: gone.get(fresh.name)?.chain };
    gone.delete(fresh.name);
  }
  for (const { chain, ...old } of gone.values()) yield { ...old, chain: undefined, before: chain };
}

/** Chains of one Service port, by the key of its Route; none when there is no such Route. */
export function chainsOfService(layout: Layout, key: string): readonly Chain[] {
  const route = get(layout.routes.routes, key);
  return route === undefined ? [] : serviceChains(route, layout.routes.node, layout.options.comments);
}

function* routeChains(layout: Layout, route: Route): Generator<WantedChain> {
  for (const chain of serviceChains(route, layout.routes.node, layout.options.comments))
    yield { table: chain.table, name: chain.name, chain, service: route.key, again: undefined };
}

function* treeChains(layout: Layout, tree: TreeName): Generator<WantedChain> {
  for (const { position, node } of nodesOf({ position: '', node: layout.dispatch[tree].root })) {
    if (position !== '') yield treeChainAt(layout, tree, position, node);
  }
}

function treeChainAt(
  layout: Layout,
  tree: TreeName,
  position: string,
  place: RadixNode<Route> | undefined,
): WantedChain {
  const { table } = trees[tree];
  const { node } = layout.routes;
  const name = treeChain(chainNames(node), tree, position);
  if (place === undefined) return { table, name, chain: undefined, service: undefined, again: undefined };
  return shared(() => ({ table, name, rules: treeRules(tree, place, node, layout.options.features) }));
}

function rootChain(layout: Layout, { table, root, of }: (typeof rootChains)[number]): WantedChain {
  const { node } = layout.routes;
  const name = chainNames(node)[root];
  const tail = table === 'nat' && root === 'services' ? nodePortRules(node) : [];
  return shared(() => {
    const rules = of.flatMap((tree) =>
      treeRules(tree, layout.dispatch[tree].root, node, layout.options.features),
    );
    return { table, name, rules: [...rules, ...tail] };
  });
}

function shared(again: () => Chain): WantedChain {
  const chain = again();
  return { table: chain.table, name: chain.name, chain, service: undefined, again };
}

function byTree<T>(make: (tree: TreeName) => T): Record<TreeName, T> {
  return {
    'nat-services': make('nat-services'),
    'nat-node-ports': make('nat-node-ports'),
    'filter-services': make('filter-services'),
    'filter-external': make('filter-external'),
    'filter-external-node-ports': make('filter-external-node-ports'),
    'filter-firewall': make('filter-firewall'),
    'filter-health-checks': make('filter-health-checks'),
  };
}
