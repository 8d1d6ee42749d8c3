import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseDocuments } from './parse-document.ts';
import { splitDocuments } from './split-documents.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);

describe('parseDocuments', () => {
  it.each([
    ['a: 1', [{ a: 1 }]],
    ['{"a": 1}', [{ a: 1 }]],
    ['--- {"a": 1}\n', [{ a: 1 }]],
    ['---\n{a: 1}', [{ a: 1 }]],
    ['a: 1\n---\nb: 2\n...\n', [{ a: 1 }, { b: 2 }]],
    ['', []],
    ['# nothing\n', []],
    ['---\n---\n', []],
    ['~', []],
    [
      'a: yes\nb: 010\nc: 0o10\nd: 1_000\ne: 2026-01-01\nf: ~',
      [{ a: 'yes', b: 10, c: 8, d: '1_000', e: '2026-01-01', f: null }],
    ],
    ['a: &x [1]\nb: *x', [{ a: [1], b: [1] }]],
    ['<<: {a: 1}', [{ '<<': { a: 1 } }]],
    ['a: !!binary xyz\nb: !foo 1', [{ a: 'xyz', b: '1' }]],
  ])('reads %j', (text, values) => {
    const parsed = parseDocuments(text);
    expect(parsed.problem === undefined ? parsed.values : parsed.problem).toEqual(values);
  });

  it.each([
    ['a: [1', 1, 6],
    ['a: 1\nb: "x\n', 3, 1],
    ['a:\n\tb: 1', 2, 1],
    ['a: 1\n b: 2', 1, 4],
    ['a: 1\nb: 2\na: 3', 3, 1],
    ['x:\n  - a: 1\n    a: 2', 3, 5],
    ['{"a": 1,\n "b": x y z: }', 2, 7],
    ['{"a": 1,\n', 2, 1],
    ['a: *missing', 1, 1],
    ['a:\n  {b: "\\q"}', 2, 8],
  ])('names the place in %j', (text, line, column) => {
    expect(parseDocuments(text).problem).toMatchObject({ line, column });
  });

  it('survives what is meant to break it', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
      .join('\n')}`;
    expect(parseDocuments(bomb).problem?.reason).toContain('alias');
    expect(parseDocuments('a: &a [*a]').problem).toBeDefined();
    expect(parseDocuments('['.repeat(100_000)).problem).toEqual({
      line: 1,
      column: 201,
      reason: 'nests deeper than 200 levels',
    });
    const chain = Array.from(
      { length: 99 },
      (_, index) => `- &a${index} ${'['.repeat(190)}*a${index - 1}${']'.repeat(190)}`,
    );
    expect(parseDocuments(`- &a-1 x\n${chain.join('\n')}`).problem?.line).toBe(1);
    expect(parseDocuments(`{"a": ${'['.repeat(100_000)}`).problem).toBeDefined();
    expect(parseDocuments('- '.repeat(100_000)).problem).toBeDefined();
    expect(parseDocuments(`${'['.repeat(190)}${']'.repeat(190)}x: `).problem).toBeDefined();
    const proto = parseDocuments('__proto__: {a: 1}\nb: 2');
    expect(proto.problem === undefined && JSON.stringify(proto.values)).toBe('[{"__proto__":{"a":1},"b":2}]');
  });

  it('finds one key twice among very many in linear time', () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
    expect(parseDocuments(keys).problem).toBeUndefined();
    expect(parseDocuments(`${keys}\nk7: 2`).problem).toMatchObject({ line: 20_001 });
  });

  it('reads any JSON, as JSON and as YAML, and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, text) => {
        const expected = value === null ? [] : [JSON.parse(JSON.stringify(value))];
        for (const written of [JSON.stringify(value), stringify(value)]) {
          expect(parseDocuments(written)).toEqual({ values: expected });
        }
        parseDocuments(text);
      }),
      { seed, numRuns: 300 },
    );
  });
});

describe('splitDocuments', () => {
  it('cuts at document markers only', () => {
    const text = 'a: 1\n---\nb: |\n  x\n  --- y\n--- # c\nc: "---"\n----\n';
    expect([...splitDocuments(text)]).toEqual([
      { text: 'a: 1\n', line: 1 },
      { text: '---\nb: |\n  x\n  --- y\n', line: 2 },
      { text: '--- # c\nc: "---"\n----\n', line: 6 },
    ]);
    expect([...splitDocuments('---\r\na: 1\r\n---\r\n')]).toHaveLength(2);
    expect([...splitDocuments('')]).toEqual([]);
  });

  it('leaves a stream with directives whole', () => {
    expect([...splitDocuments('%YAML 1.2\n---\na: 1\n---\nb: 2')]).toHaveLength(1);
  });

  it('loses nothing, and the pieces say what the whole says', () => {
    const line = fc.constantFrom(
      '---',
      '--- x',
      'a: 1',
      '- b',
      '  c: |',
      '    d',
      '...',
      '# e',
      '"f',
      'g"',
      '',
      "'h",
      '--- |',
      '---x',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = lines.join('\n');
        const pieces = [...splitDocuments(text)];
        expect(pieces.map((piece) => piece.text).join('')).toBe(text);
        for (const piece of pieces) {
          expect(
            lines
              .slice(piece.line - 1)
              .join('\n')
              .startsWith(piece.text),
          ).toBe(true);
        }
        const whole = parseDocuments(text);
        const parts = pieces.map((piece) => parseDocuments(piece.text));
        if (whole.problem) return;
        expect(parts.flatMap((part) => (part.problem ? [part.problem] : part.values))).toEqual(whole.values);
      }),
      { seed, numRuns: 1000 },
    );
  });
});
