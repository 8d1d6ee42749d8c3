import type { Readable } from 'node:stream';
import { toError } from '../errors.ts';

/**
 * Collects a stream as UTF-8 text.
 * @param overflow called once when there is more than `limit` characters; the rest is thrown away.
 * @returns what has come so far.
 */
export function collectText(stream: Readable, limit: number, overflow: () => void): () => string {
  const pieces: string[] = [];
  let length = 0;
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    if (length > limit) return;
    length += piece.length;
    if (length > limit) overflow();
    else pieces.push(piece);
  });
  return () => pieces.join('');
}

/**
 * Hands a stream on as UTF-8 text, in pieces as they come. A taker that gives a promise gets the next piece when it is kept.
 * @param fail called with what `take` throws; it gets nothing more then.
 * @returns resolves when the taker is done with all that has come.
 */
export function handOn(
  stream: Readable,
  take: (piece: string) => void | Promise<void>,
  fail: (error: Error) => void,
): () => Promise<void> {
  let taking = Promise.resolve();
  let failed = false;
  const hand = async (piece: string): Promise<void> => {
    try {
      if (!failed) await take(piece);
    } catch (thrown) {
      failed = true;
      fail(toError(thrown));
    }
  };
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    stream.pause();
    // In a row and not at once: when a program ends, Node lets its output flow, paused or not.
    taking = taking.then(() => hand(piece)).finally(() => stream.resume());
  });
  return () => taking;
}

/**
 * Collects the first and the last `limit / 2` bytes of a stream: messages say first what went wrong and last what came of it.
 * @returns what has come so far, with a line in between that counts what was left out.
 */
export function collectHeadAndTail(stream: Readable, limit: number): () => string {
  const half = Math.floor(limit / 2);
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  let leftOut = 0;
  stream.on('data', (chunk: Buffer) => {
    const room = half - head.length;
    head = Buffer.concat([head, chunk.subarray(0, room)]);
    const rest = Buffer.concat([tail, chunk.subarray(room)]);
    tail = rest.subarray(Math.max(0, rest.length - half));
    leftOut += rest.length - tail.length;
  });
  return () => {
    const gap = leftOut === 0 ? '' : `\n[${leftOut} bytes left out]\n`;
    return `${head.toString()}${gap}${tail.toString()}`;
  };
}
