import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long the event loop may be held at a stretch. */
const sliceMilliseconds = 8;
const batchCharacters = 64 * 1024;
/** A reader that takes nothing for so long holds on to an old snapshot for nothing. */
const patienceMilliseconds = 30_000;

/**
 * Writes text that is made piece by piece, as fast as the reader takes it, and lets the event loop turn in between. Resolves when all
 * is written, the reader has gone, or it took nothing for half a minute and was cut off.
 */
export async function sendPieces(
  out: Writable,
  pieces: Iterable<string>,
  patience = patienceMilliseconds,
): Promise<void> {
  let batch = '';
  let sliceEnd = performance.now() + sliceMilliseconds;
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < batchCharacters && performance.now() < sliceEnd) continue;
    if (!out.write(batch)) await drained(out, patience);
    if (out.destroyed) return;
    batch = '';
    await nextTurn();
    sliceEnd = performance.now() + sliceMilliseconds;
  }
  out.end(batch);
}

function drained(out: Writable, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => out.destroy(), patience);
    const done = (): void => {
      clearTimeout(timer);
      out.off('drain', done).off('close', done);
      resolve();
    };
    out.on('drain', done).on('close', done);
    if (out.destroyed) done();
  });
}
