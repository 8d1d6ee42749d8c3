import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed } from './malformed.ts';
import { createItemSplitter } from './split-items.ts';

interface Split {
  readonly items: readonly unknown[];
  readonly rest: unknown;
}

function split(chunks: readonly Buffer[], longest?: number): Split {
  const splitter = createItemSplitter(longest);
  const items = chunks.flatMap((chunk) => [...splitter.push(chunk)]).map((text): unknown => JSON.parse(text));
  return { items, rest: splitter.end() };
}

function splitText(text: string): Split {
  return split([Buffer.from(text)]);
}

/** JSON with what confuses a splitter: keys named `items`, brackets and quotes in texts, escapes, characters of several bytes. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('items', '"', '\\', '\\"', ']', '}', '{"items":[', '[', 'ü', '€', '😀', ',', '\n', ':'),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}));
const list = fc.record({
  before: fc.dictionary(text, value, { maxKeys: 3 }),
  items: fc.array(value, { maxLength: 8 }),
  after: fc.dictionary(text, value, { maxKeys: 3 }),
  indent: fc.constantFrom(undefined, 1, '\t'),
});

describe('createItemSplitter', () => {
  it('finds what JSON.parse finds, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(list, fc.infiniteStream(fc.integer({ min: 1, max: 12 })), (parts, cuts) => {
        const { before, items, after, indent } = parts;
        delete before['items'];
        delete after['items'];
        const whole = { ...before, items, ...after };
        const bytes = Buffer.from(JSON.stringify(whole, undefined, indent));
        const expected: unknown = JSON.parse(bytes.toString());
        const { items: found, rest } = split(cut(bytes, cuts));
        expect(found).toEqual((expected as typeof whole).items);
        expect(rest).toEqual({ ...(expected as typeof whole), items: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('gives every item before the last byte has come', () => {
    const splitter = createItemSplitter();
    expect([...splitter.push(Buffer.from('{"items":[{"a":1},{"b":[2]},{"c"'))]).toEqual([
      '{"a":1}',
      '{"b":[2]}',
    ]);
    expect([...splitter.push(Buffer.from(':3}'))]).toEqual([]);
    expect([...splitter.push(Buffer.from(']'))]).toEqual(['{"c":3}']);
    expect([...splitter.push(Buffer.from('}'))]).toEqual([]);
    expect(splitter.end()).toEqual({ items: [] });
  });

  it('knows an escaped key, and items that are null or empty', () => {
    expect(splitText('{"\\u0069tems":[1]}').items).toEqual([1]);
    expect(splitText('{"items":null}')).toEqual({ items: [], rest: { items: null } });
    expect(splitText('{"items": [ \n ] }')).toEqual({ items: [], rest: { items: [] } });
    expect(splitText('{"a":{"items":[1]}}')).toEqual({ items: [], rest: { a: { items: [1] } } });
  });

  it.each([
    '',
    '{',
    '{"items":[1',
    '{"items":[1]',
    '{"items":[1]}}',
    '{"items":[1]} x',
    '{"items":[1],"items":[2]}',
    '{"items":[]],}',
    '["items":[1]]',
    '{"items":[1}',
    '<html>',
  ])('refuses %s', (broken) => {
    expect(() => splitText(broken)).toThrow(Malformed);
  });

  it.each(['{"items":[1,]}', '{"items":[,1]}', '{"items":[{]}]}'])(
    'leaves it to JSON.parse to refuse the item in %s',
    (broken) => {
      expect(() => splitText(broken)).toThrow();
    },
  );

  it('never accepts what JSON.parse does not', () => {
    const good = '{"kind":"L","metadata":{"a":"]}"},"items":[{"x":["\\""]},{"y":{}}],"z":[{}]}';
    const at = fc.nat(good.length - 1);
    fc.assert(
      fc.property(at, fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\'), (place, wrong) => {
        const broken = good.slice(0, place) + wrong + good.slice(place + 1);
        let expected: unknown;
        try {
          expected = JSON.parse(broken);
        } catch {
          expect(() => splitText(broken)).toThrow();
          return;
        }
        const { items, rest } = splitText(broken);
        const whole = expected as Record<string, unknown>;
        expect({ ...(rest as object), ...(Array.isArray(whole['items']) ? { items } : {}) }).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses an item past the limit, before it has ended', () => {
    const long = `{"items":["${'x'.repeat(100)}`;
    expect(() => split([Buffer.from(long)], 64)).toThrow('an item is longer than 64 bytes');
    expect(split([Buffer.from('{"items":["123456","123456"]}')], 8).items).toHaveLength(2);
  });
});

function cut(bytes: Buffer, sizes: Iterator<number>): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const size = Number(sizes.next().value);
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return chunks;
}
