import { longestObject, Piece } from './malformed.ts';

/** Cuts a stream of bytes at its newlines, which never stand inside an event of a watch. */
export interface LineSplitter {
  /** The lines that the chunk completes, without newline; empty ones are left out. @throws Malformed for a line past `longest`. */
  push(chunk: Buffer): Generator<string, void>;
}

export function createLineSplitter(longest: number = longestObject): LineSplitter {
  const line = new Piece('a line', longest);
  return {
    push: function* (chunk) {
      let from = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
        line.add(chunk.subarray(from, end));
        from = end + 1;
        const text = line.take();
        if (text !== '') yield text;
      }
      line.add(chunk.subarray(from));
    },
  };
}

const newline = 0x0a;
