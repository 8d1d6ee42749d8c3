import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changedNodes,
  countOf,
  type Entry,
  emptyTree,
  entriesOf,
  insert,
  nodesOf,
  type RadixTree,
  remove,
  treeOf,
} from './radix.ts';

const limit = 3;
const key = fc
  .array(fc.constantFrom('0', '1', 'f'), { minLength: 5, maxLength: 5 })
  .map((digits) => digits.join(''));
const entry: fc.Arbitrary<Entry<number>> = fc.record({ key, id: fc.constantFrom('a', 'b'), value: fc.nat() });
const entries = fc.uniqueArray(entry, { selector: (e) => e.key + e.id, maxLength: 60 });

function build(list: readonly Entry<number>[]): RadixTree<number> {
  return list.reduce((tree, e) => insert(tree, e), emptyTree<number>(limit));
}

function positions(tree: RadixTree<number>) {
  return new Map(
    [...nodesOf({ position: '', node: tree.root })].map((placed) => [placed.position, placed.node]),
  );
}

describe('radix tree', () => {
  it('has a shape that follows from its entries alone', () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), entries, (list, order, others) => {
        const wanted = build(list);
        const shuffled = list
          .map((e) => ({ e, at: order.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ e }) => e);
        const extra = others.filter((o) => !list.some((e) => e.key === o.key && e.id === o.id));
        const detour = extra.reduce((tree, e) => remove(tree, e), build([...extra, ...shuffled]));
        expect(detour).toEqual(wanted);
        expect(treeOf(limit, shuffled)).toEqual(wanted);
      }),
    );
  });

  it('holds every entry once, in order, and no leaf over the limit that could be split', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const tree = build(list);
        expect(entriesOf(tree.root).map((e) => e.key + e.id)).toEqual(list.map((e) => e.key + e.id).sort());
        expect(countOf(tree.root)).toBe(list.length);
        const all = [...nodesOf({ position: '', node: tree.root })];
        expect(new Set(all.map((placed) => placed.position)).size).toBe(all.length);
        for (const { position, node } of all) {
          for (const e of entriesOf(node)) expect(e.key.startsWith(position)).toBe(true);
          if (node.kind === 'leaf' && node.entries.length > limit) {
            expect(new Set(node.entries.map((e) => e.key)).size).toBe(1);
          }
        }
      }),
    );
  });

  it('tells exactly the positions that differ', () => {
    fc.assert(
      fc.property(entries, entries, entries, (common, before, after) => {
        const base = build(common);
        const a = before.reduce((tree, e) => insert(tree, e), base);
        const b = after.reduce((tree, e) => insert(tree, e), base);
        const [old, fresh] = [positions(a), positions(b)];
        const expected = [...new Set([...old.keys(), ...fresh.keys()])]
          .filter((position) => old.get(position) !== fresh.get(position))
          .sort();
        const told = [...changedNodes(a, b)];
        expect(told.map((change) => change.position).sort()).toEqual(expected);
        for (const change of told) {
          expect(change.before).toBe(old.get(change.position));
          expect(change.after).toBe(fresh.get(change.position));
        }
      }),
    );
  });

  it('shares everything off the path of a change', () => {
    const tree = build(
      [...Array(200).keys()].map((i) => ({ key: i.toString(3).padStart(5, '0'), id: '', value: i })),
    );
    const next = insert(tree, { key: '22222', id: 'new', value: 0 });
    const told = [...changedNodes(tree, next)];
    expect(told.length).toBeLessThanOrEqual(7);
  });
});
