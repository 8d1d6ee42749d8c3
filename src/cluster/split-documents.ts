/** A piece of a YAML stream that can be parsed by itself, and the number of its first line (from 1). */
export interface Piece {
  readonly text: string;
  readonly line: number;
}

/**
 * The documents of a YAML stream, so that a long file is parsed in short steps and a document that did not change not at all.
 * `---` at the start of a line cannot be content (YAML 1.2, c-forbidden), so the cut needs no parser. A stream with directives
 * (`%YAML`), which belong to the document after them, stays whole. Joined again, the pieces are the text.
 */
export function* splitDocuments(text: string): Generator<Piece> {
  let start = 0;
  let line = 1;
  for (const { index } of /^%/m.test(text) ? [] : text.matchAll(/^---(?=\s|$)/gm)) {
    const piece = text.slice(start, index);
    if (piece !== '') yield { text: piece, line };
    line += countLines(piece);
    start = index;
  }
  if (start < text.length) yield { text: text.slice(start), line };
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
