import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed } from './malformed.ts';
import { createLineSplitter } from './split-lines.ts';

function linesOf(chunks: readonly Buffer[], longest?: number): readonly string[] {
  const splitter = createLineSplitter(longest);
  return chunks.flatMap((chunk) => [...splitter.push(chunk)]);
}

describe('createLineSplitter', () => {
  it('gives each line once, wherever the chunks are cut, also inside a character', () => {
    const lines = fc.array(fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', '') || 'x'));
    fc.assert(
      fc.property(lines, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (expected, cuts) => {
        const text = Buffer.from(expected.map((line) => `${line}\n`).join(''));
        expect(linesOf(cut(text, cuts))).toEqual(expected.map((line) => Buffer.from(line).toString()));
      }),
    );
  });

  it('leaves out empty lines and a last line without end', () => {
    expect(linesOf([Buffer.from('\n\na\n\nb\nc')])).toEqual(['a', 'b']);
  });

  it('refuses a line past the limit, before it has ended', () => {
    expect(linesOf([Buffer.from('123456\n')], 6)).toEqual(['123456']);
    expect(() => linesOf([Buffer.from('123'), Buffer.from('4567')], 6)).toThrow(Malformed);
  });
});

function cut(text: Buffer, sizes: Iterator<number>): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0; from < text.length; ) {
    const size = Number(sizes.next().value);
    chunks.push(text.subarray(from, from + size));
    from += size;
  }
  return chunks;
}
