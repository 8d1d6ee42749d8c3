/** Something placed by a key of digits. `id` is unique among equal keys and orders them. */
export interface Entry<V> {
  readonly key: string;
  readonly id: string;
  readonly value: V;
}

/** At most `limit` entries, in order; more only when their keys are all equal, because nothing can split them. */
export interface Leaf<V> {
  readonly kind: 'leaf';
  readonly entries: readonly Entry<V>[];
}

/** More than `limit` entries that share `common`, split by the digit after it. */
export interface Branch<V> {
  readonly kind: 'branch';
  readonly count: number;
  readonly common: string;
  /** By that digit, in its order. */
  readonly children: ReadonlyMap<string, RadixNode<V>>;
}

export type RadixNode<V> = Leaf<V> | Branch<V>;

/**
 * A tree whose shape follows from its entries alone, however they came: equal sets give equal trees. Immutable; a change copies
 * the path to it and shares the rest. A child stands at the position `common + digit`, which no other node of the tree has.
 */
export interface RadixTree<V> {
  readonly limit: number;
  readonly root: RadixNode<V>;
}

export function emptyTree<V>(limit: number): RadixTree<V> {
  return { limit, root: { kind: 'leaf', entries: [] } };
}

/** The tree of many entries at once, many times faster than one by one. Keys and ids together are unique. */
export function treeOf<V>(limit: number, entries: readonly Entry<V>[]): RadixTree<V> {
  return { limit, root: grown(entries.toSorted(byKeyAndId), limit) };
}

/** A tree with the entry added; an entry with the same key and id is replaced. */
export function insert<V>(tree: RadixTree<V>, entry: Entry<V>): RadixTree<V> {
  return { limit: tree.limit, root: insertInto(tree.root, entry, tree.limit) };
}

/** A tree without the entry of that key and id; the same tree when there is none. */
export function remove<V>(tree: RadixTree<V>, entry: Pick<Entry<V>, 'key' | 'id'>): RadixTree<V> {
  const root = removeFrom(tree.root, entry, tree.limit);
  return root === tree.root ? tree : { limit: tree.limit, root };
}

export function countOf<V>(node: RadixNode<V>): number {
  return node.kind === 'leaf' ? node.entries.length : node.count;
}

/** All entries below a node, in order of key and id. */
export function entriesOf<V>(node: RadixNode<V>): readonly Entry<V>[] {
  return node.kind === 'leaf' ? node.entries : [...node.children.values()].flatMap(entriesOf);
}

/** A node with its position; the root's is empty. */
export interface Placed<V> {
  readonly position: string;
  readonly node: RadixNode<V>;
}

/** Children of a branch with their positions, in order; none for a leaf. */
export function childrenOf<V>(node: RadixNode<V>): readonly Placed<V>[] {
  if (node.kind === 'leaf') return [];
  return [...node.children].map(([digit, child]) => ({ position: node.common + digit, node: child }));
}

/** All nodes, each before its children. */
export function* nodesOf<V>(placed: Placed<V>): Generator<Placed<V>> {
  yield placed;
  for (const child of childrenOf(placed.node)) yield* nodesOf(child);
}

/** A position whose node differs between two trees. At least one side is there. */
export interface NodeChange<V> {
  readonly position: string;
  readonly before: RadixNode<V> | undefined;
  readonly after: RadixNode<V> | undefined;
}

/** Every position whose node is not the same object in both trees; shared subtrees are not entered. */
export function* changedNodes<V>(before: RadixTree<V>, after: RadixTree<V>): Generator<NodeChange<V>> {
  yield* changedBelow({ position: '', node: before.root }, { position: '', node: after.root });
}

function* changedBelow<V>(before: Placed<V>, after: Placed<V>): Generator<NodeChange<V>> {
  if (before.node === after.node) return;
  yield { position: after.position, before: before.node, after: after.node };
  const old = new Map(childrenOf(before.node).map((child) => [child.position, child]));
  const fresh = new Map(childrenOf(after.node).map((child) => [child.position, child]));
  // The split digit itself moved: children that are the same may hang at another depth, so all positions are compared.
  const moved = old.size > 0 && fresh.size > 0 && ![...fresh.keys()].some((position) => old.has(position));
  if (moved) return yield* regrouped(before, after);
  for (const [position, child] of old) {
    const counterpart = fresh.get(position);
    if (counterpart !== undefined) yield* changedBelow(child, counterpart);
    else
      for (const gone of nodesOf(child))
        yield { position: gone.position, before: gone.node, after: undefined };
  }
  for (const [position, child] of fresh) {
    if (old.has(position)) continue;
    for (const come of nodesOf(child)) yield { position: come.position, before: undefined, after: come.node };
  }
}

function* regrouped<V>(before: Placed<V>, after: Placed<V>): Generator<NodeChange<V>> {
  const [old, fresh] = [below(before), below(after)];
  for (const position of new Set([...old.keys(), ...fresh.keys()])) {
    const change = { position, before: old.get(position), after: fresh.get(position) };
    if (change.before !== change.after) yield change;
  }
}

function below<V>(placed: Placed<V>): ReadonlyMap<string, RadixNode<V>> {
  const nodes = childrenOf(placed.node).flatMap((child) => [...nodesOf(child)]);
  return new Map(nodes.map(({ position, node }) => [position, node]));
}

function insertInto<V>(node: RadixNode<V>, entry: Entry<V>, limit: number): RadixNode<V> {
  if (node.kind === 'leaf') {
    const others = node.entries.filter((other) => !isSame(other, entry));
    return grown([...others, entry].sort(byKeyAndId), limit);
  }
  if (!entry.key.startsWith(node.common)) {
    const common = commonPrefix(node.common, entry.key);
    const leaf: Leaf<V> = { kind: 'leaf', entries: [entry] };
    const children = new Map<string, RadixNode<V>>([[digitAfter(common, node.common), node]]);
    return branch(common, children.set(digitAfter(common, entry.key), leaf));
  }
  const digit = digitAfter(node.common, entry.key);
  const child: RadixNode<V> = node.children.get(digit) ?? { kind: 'leaf', entries: [] };
  return branch(node.common, new Map(node.children).set(digit, insertInto(child, entry, limit)));
}

function removeFrom<V>(node: RadixNode<V>, entry: Pick<Entry<V>, 'key' | 'id'>, limit: number): RadixNode<V> {
  if (node.kind === 'leaf') {
    const rest = node.entries.filter((other) => !isSame(other, entry));
    return rest.length === node.entries.length ? node : { kind: 'leaf', entries: rest };
  }
  const digit = digitAfter(node.common, entry.key);
  const child = entry.key.startsWith(node.common) ? node.children.get(digit) : undefined;
  const shrunk = child === undefined ? undefined : removeFrom(child, entry, limit);
  if (shrunk === undefined || shrunk === child) return node;
  const children = new Map(node.children).set(digit, shrunk);
  if (countOf(shrunk) === 0) children.delete(digit);
  if (node.count - 1 <= limit) return { kind: 'leaf', entries: [...children.values()].flatMap(entriesOf) };
  const [only] = children.values();
  return children.size === 1 && only !== undefined ? only : branch(node.common, children);
}

/** Sorted entries as a leaf, or split when they are too many and differ. */
function grown<V>(entries: readonly Entry<V>[], limit: number): RadixNode<V> {
  const first = entries[0]?.key ?? '';
  const last = entries.at(-1)?.key ?? '';
  if (entries.length <= limit || first === last) return { kind: 'leaf', entries };
  const common = commonPrefix(first, last);
  const groups = new Map<string, Entry<V>[]>();
  for (const entry of entries) {
    const digit = digitAfter(common, entry.key);
    const group = groups.get(digit);
    if (group === undefined) groups.set(digit, [entry]);
    else group.push(entry);
  }
  return branch(common, new Map([...groups].map(([digit, group]) => [digit, grown(group, limit)])));
}

function branch<V>(common: string, children: ReadonlyMap<string, RadixNode<V>>): Branch<V> {
  const sorted = [...children].sort(([a], [b]) => (a < b ? -1 : 1));
  const count = sorted.reduce((sum, [, child]) => sum + countOf(child), 0);
  return { kind: 'branch', count, common, children: new Map(sorted) };
}

function digitAfter(prefix: string, key: string): string {
  return key.charAt(prefix.length);
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function isSame<V>(a: Pick<Entry<V>, 'key' | 'id'>, b: Pick<Entry<V>, 'key' | 'id'>): boolean {
  return a.key === b.key && a.id === b.id;
}

function byKeyAndId<V>(a: Entry<V>, b: Entry<V>): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}
