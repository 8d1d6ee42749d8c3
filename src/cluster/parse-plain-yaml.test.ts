import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parsePlainYaml } from './parse-plain-yaml.ts';
import { readYaml } from './parse-yaml.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);

/** As kubectl prints it, with all that is usually in there. */
const printed = `apiVersion: v1
kind: Service
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"Service","metadata":{"name":"web"}}

      # not a comment
        deeper
    empty: ""
    single: 'it is: so'
  creationTimestamp: "2026-01-01T00:00:00Z"
  # a comment
  name: web
  uid: 3fa85f64-5717-4562-b3fc-2c963f66afa6
spec:
  clusterIP: 10.0.0.1
  clusterIPs:
  - 10.0.0.1
  - fd00::1
  ports:
  - name: http
    port: 80
    targetPort: 8080

  -   name: image
      port: 1
      image: registry.example.com:5000/web:1.2
  selector:
    app: web
  row: [10.0.0.1, "a", 'b', 7, fd00::1]
  nothing:
  sessionAffinity: None
status:
  loadBalancer: {}
  conditions: []
  ok: true
  none: null
`;

describe('parsePlainYaml', () => {
  it('reads what kubectl prints', () => {
    expect(parsePlainYaml(printed)).toBeDefined();
    expect({ values: [parsePlainYaml(printed)] }).toEqual(readYaml(printed));
    expect(parsePlainYaml(`---\n${printed}`)).toEqual(parsePlainYaml(printed));
  });

  it.each([
    ['', 'nothing'],
    ['# nothing\n', 'nothing'],
    ['- a\n', 'a list'],
    ['a: {b: 1}', 'flow'],
    ['a: [b: 1]', 'flow'],
    ['a: ["b, c"]', 'flow'],
    ['a: [[b]]', 'flow'],
    ['a: [b,c]', 'flow'],
    ['a: &x 1', 'an anchor'],
    ['a: 010', 'a number that is not what it looks like'],
    ['a: 1.0', 'a fraction'],
    ['a: True', 'a boolean in capitals'],
    ['a: 1 # b', 'a comment behind a value'],
    ['a: "\\n"', 'an escape'],
    ['a: b\n  c', 'a scalar of two lines'],
    ['a: 1\na: 2', 'a key twice'],
    ['a: 1\n  b: 2', 'wrong indentation'],
    ['a:\n    b: 1\n  c: 2', 'wrong indentation'],
    ['a: \u00e4', 'a letter beyond ASCII'],
    ['a:\n\tb: 1', 'a tab'],
    ['a: 1\r\n', 'a carriage return'],
    ['a: 1\n---\nb: 2', 'a second document'],
    ['a: 1\n...\n', 'a document end'],
    ['__proto__:\n  b: 2', 'a prototype'],
    [`${Array.from({ length: 200 }, (_, index) => `${' '.repeat(index)}a:`).join('\n')}`, 'depth'],
  ])('leaves %j to the library: %s', (text) => {
    expect(parsePlainYaml(text)).toBeUndefined();
  });

  it('reads what it reads as the library does: values', () => {
    const key = often(['a', 'b', 'kubernetes.io/name', 'yes', 'x-y'], ['null', '__proto__', '1', 'a b', '']);
    const leaf = often(
      [
        'web',
        '10.0.0.1',
        '2026-01-01T00:00:00Z',
        'fd00::1',
        80,
        -7,
        true,
        false,
        null,
        'x\ny\n',
        '# x\n  - y',
        '',
        'a:b',
        '10.0.0.0/8',
      ],
      [
        '010',
        '1e3',
        '0x1',
        '0o7',
        '-',
        '.5',
        '1.',
        'true',
        'null',
        '~',
        'a b',
        'a: b',
        'a #b',
        'fd00::',
        '\nx',
        '  x\ny',
        '# x',
        '- x',
        '-0',
        '.inf',
        '2026-01-01',
        1.5,
        1e300,
        '"',
        "'",
        'x\n\n',
        '\u00e4',
        '{',
        '[]',
        '{}',
        '|',
        '2001:db8:0',
        '1:2',
      ],
    );
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        leaf,
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(key, tie('json'), { maxKeys: 4 }),
      ),
    }));
    const style = fc.record({
      indentSeq: fc.boolean(),
      indent: fc.constantFrom(1, 2, 4),
      lineWidth: fc.constantFrom(0, 20),
      defaultStringType: fc.constantFrom('PLAIN' as const, 'BLOCK_LITERAL' as const, 'QUOTE_SINGLE' as const),
    });
    const text = fc
      .tuple(fc.dictionary(key, json, { minKeys: 1, maxKeys: 4 }), style)
      .map(([value, options]) => stringify(value, options));
    expect(compared(text, 5000)).toBeGreaterThan(500);
  });

  it('reads what it reads as the library does: lines', () => {
    const indent = often(['', '', '  '], ['    ', ' ', '   ']);
    const item = often(['', '', '- '], ['-   ', '- - ', '-']);
    const content = often(
      [
        'a: 1',
        'b:',
        'c: |',
        'd: "x"',
        "e: 'y'",
        'f: {}',
        'g: []',
        'i0: [a, b:c, 1]',
        'j0: ["a", \'b\', true]',
        'h: x:y',
        'i:  z',
        '',
        '# k',
        'l: |-',
        '10.0.0.1',
        '-1',
      ],
      [
        'm: -',
        'n: a b',
        'o: -0',
        'p:q',
        'q: "',
        'r : s',
        't: null',
        'u: ?',
        'v: !x',
        'w: *x',
        '...',
        '---',
        'x: >',
        'y: a:',
        'z: #',
        'word',
        'a0: ~',
        'b0: a #b',
        'c0: "a"b',
        "d0: 'a''b'",
        'e0: "a" ',
        '? x',
        ': y',
        'f0: [a: b]',
        'k0: ["a, b", c]',
        'l0: [a,b]',
        'm0: [a, b,]',
        'n0: [a]b',
        "o0: ['a', 'b'', c']",
        'p0: [a, , b]',
        'q0: [ a ]',
        'r0: [fd00::, a]',
        's0: ["a"b, c]',
        't0: [a] ',
        'u0: ["a]',
        'v0: [-, a]',
        '"g0": 1',
        'h0: &x 1',
      ],
    );
    const line = fc.tuple(indent, item, content).map((parts) => parts.join(''));
    const end = fc.constantFrom('', '\n', '\n\n', '\n   ', '\n# end');
    const text = fc
      .tuple(fc.array(line, { minLength: 1, maxLength: 7 }), end)
      .map(([lines, last]) => `k: 1\n${lines.join('\n')}${last}`);
    expect(compared(text, 20_000)).toBeGreaterThan(1000);
  });
});

/** One of the first most of the time, else one of the second. */
function often<A, B>(first: readonly A[], second: readonly B[]): fc.Arbitrary<A | B> {
  return fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...first) },
    { weight: 1, arbitrary: fc.constantFrom(...second) },
  );
}

/** Compares with the library whatever is read; gives how many texts were. */
function compared(texts: fc.Arbitrary<string>, numRuns: number): number {
  let read = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const value = parsePlainYaml(text);
      if (value === undefined) return;
      read++;
      expect({ values: [value] }).toEqual(readYaml(text));
    }),
    { seed, numRuns },
  );
  return read;
}
