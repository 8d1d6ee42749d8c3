import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectChange } from '../model/change.ts';
import type { Contents } from './parse-file.ts';
import { createShelf } from './shelf.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);

/** A file with ServiceCIDRs, the smallest of objects. */
function file(
  cidrs: Readonly<Record<string, string>>,
  unknown: Readonly<Record<string, number>> = {},
): Contents {
  const changes = Object.entries(cidrs).map(([key, cidr]): [string, ObjectChange] => [
    `ServiceCIDR ${key}`,
    { kind: 'ServiceCIDR', key, object: [cidr] },
  ]);
  return {
    objects: new Map(changes),
    unknownKinds: new Map(Object.entries(unknown)),
    findings: [],
    pieces: new Map(),
  };
}

function told(changes: readonly ObjectChange[]) {
  return changes.map(({ key, object }) => [key, object]);
}

describe('a shelf', () => {
  it('tells only what a file changes', () => {
    const shelf = createShelf();
    const first = file({ a: '1', b: '2' });
    expect(told(shelf.place('x', first))).toEqual([
      ['a', ['1']],
      ['b', ['2']],
    ]);
    const objects = new Map([...first.objects, ...file({ b: '3' }).objects]);
    expect(told(shelf.place('x', { ...first, objects }))).toEqual([['b', ['3']]]);
    expect(told(shelf.place('x', file({})))).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
    expect(shelf.place('x', undefined)).toEqual([]);
  });

  it('lets the file that sorts first win, and says so', () => {
    const shelf = createShelf();
    shelf.place('y', file({ a: 'y' }));
    expect(told(shelf.place('z', file({ a: 'z' })))).toEqual([]);
    expect(told(shelf.place('x', file({ a: 'x' })))).toEqual([['a', ['x']]]);
    expect(shelf.findings()).toEqual([
      {
        code: 'NP-SOURCE-003',
        object: 'ServiceCIDR a',
        field: '',
        reason: 'stands in x and y and z; x counts',
      },
    ]);
    expect(told(shelf.place('x', undefined))).toEqual([['a', ['y']]]);
    expect(told(shelf.place('y', undefined))).toEqual([['a', ['z']]]);
    expect(shelf.findings()).toEqual([]);
  });

  it('lets a file on its way out give way, without a word', () => {
    const shelf = createShelf();
    shelf.place('old', file({ a: 'old', b: 'old' }));
    expect(shelf.leaving('old', true)).toEqual([]);
    expect(told(shelf.place('renamed', file({ a: 'new' })))).toEqual([['a', ['new']]]);
    expect(shelf.findings()).toEqual([]);
    expect(told(shelf.leaving('old', false))).toEqual([['a', ['old']]]);
    expect(shelf.findings()).toHaveLength(1);
    expect(told(shelf.leaving('old', true))).toEqual([['a', ['new']]]);
    expect(told(shelf.place('old', undefined))).toEqual([['b', undefined]]);
  });

  it('counts unknown kinds over all files', () => {
    const shelf = createShelf();
    shelf.place('x', file({}, { Pod: 2, Job: 1 }));
    shelf.place('y', file({}, { Pod: 3 }));
    expect(shelf.findings().map(({ object, reason }) => `${object}: ${reason}`)).toEqual([
      'Pod: 5 objects are ignored',
      'Job: one object is ignored',
    ]);
  });

  it('has told, after any steps, what the first of the files says', () => {
    const names = fc.constantFrom('x', 'y', 'z');
    const contents = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'));
    const steps = fc.array(
      fc.oneof(
        fc.record({ name: names, contents: fc.option(contents, { nil: undefined }) }),
        fc.record({ name: names, leaving: fc.boolean() }),
      ),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const shelf = createShelf();
        const files = new Map<string, { cidrs: Readonly<Record<string, string>>; leaving: boolean }>();
        const heard = new Map<string, unknown>();
        for (const step of all) {
          const known = files.get(step.name);
          let changes: readonly ObjectChange[];
          if ('leaving' in step) {
            changes = shelf.leaving(step.name, step.leaving);
            if (known) files.set(step.name, { ...known, leaving: step.leaving });
          } else {
            changes = shelf.place(step.name, step.contents && file(step.contents));
            if (step.contents) files.set(step.name, { cidrs: step.contents, leaving: false });
            else files.delete(step.name);
          }
          for (const { key, object } of changes) {
            if (object === undefined) heard.delete(key);
            else heard.set(key, object);
          }
          const inOrder = [...files].sort(
            (one, other) => Number(one[1].leaving) - Number(other[1].leaving) || (one[0] < other[0] ? -1 : 1),
          );
          const expected = new Map<string, unknown>();
          for (const [, { cidrs }] of inOrder.reverse()) {
            for (const [key, cidr] of Object.entries(cidrs)) expected.set(key, [cidr]);
          }
          expect(heard).toEqual(expected);
        }
      }),
      { seed, numRuns: 500 },
    );
  });
});
