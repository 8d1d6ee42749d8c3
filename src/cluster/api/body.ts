import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';

export interface BodyOptions {
  readonly response: IncomingMessage;
  readonly silenceMilliseconds: number;
  /** Nothing came for so long though the reader waited, or nobody began to read; the request is to be ended. */
  readonly onSilence: () => void;
  /** The reader has left; the request is to be ended. */
  readonly onLeft: () => void;
  /** What the reader gets for a failure of the stream. */
  readonly failure: (cause: Error) => Error;
}

/** The content of an answer, decompressed. It can be read once. */
export function bodyOf(options: BodyOptions): AsyncIterable<Buffer> {
  const body = new Body(options);
  return { [Symbol.asyncIterator]: () => body };
}

/** Chunks of up to 64 kB that may wait for the reader before the connection is held up. */
const mostChunks = 8;

/**
 * An iterator of our own: that of a stream cannot be left while a read is pending, so a silent watch would hold its connection.
 * Only one `next` at a time.
 */
class Body implements AsyncIterator<Buffer, undefined> {
  readonly #options: BodyOptions;
  readonly #content: Readable;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #end: { readonly failed: false } | { readonly failed: true; readonly thrown: Error } | undefined;
  /** The reader is at work with the chunk before; until it begins, it is waited for as for the server. */
  #readerIsBusy = false;
  #wake: () => void = () => undefined;

  constructor(options: BodyOptions) {
    this.#options = options;
    const { response } = options;
    this.#timer = setTimeout(() => this.#silent(), options.silenceMilliseconds);
    response.on('data', () => this.#timer.refresh());
    response.on('error', (error) => this.#fail(error));
    response.on('close', () => this.#closed());
    this.#content = this.#decoded(response);
    this.#content.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#content.on('end', () => this.#finish({ failed: false }));
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    this.#readerIsBusy = false;
    this.#timer.refresh();
    while (this.#chunks.length === 0 && this.#end === undefined) {
      this.#content.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#readerIsBusy = true;
    const value = this.#chunks.shift();
    if (value) return { done: false, value };
    if (this.#end?.failed) throw this.#end.thrown;
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Buffer, undefined>> {
    const early = this.#end === undefined;
    this.#chunks.length = 0;
    this.#finish({ failed: false });
    if (early) this.#options.onLeft();
    return Promise.resolve({ done: true, value: undefined });
  }

  #decoded(response: IncomingMessage): Readable {
    if (response.headers['content-encoding'] !== 'gzip') return response;
    // Each event of a watch is flushed by the server and must come out at once.
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH });
    gunzip.on('error', (error) => this.#fail(error));
    return response.pipe(gunzip);
  }

  #take(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    if (this.#chunks.length >= mostChunks) this.#content.pause();
    this.#wake();
  }

  #silent(): void {
    if (this.#readerIsBusy) this.#timer.refresh();
    else this.#options.onSilence();
  }

  #closed(): void {
    const { response } = this.#options;
    if (!response.complete) this.#fail(new Error('aborted'));
  }

  #fail(cause: Error): void {
    if (this.#end !== undefined) return;
    this.#finish({ failed: true, thrown: this.#options.failure(cause) });
    if (this.#content !== this.#options.response) this.#content.destroy();
    this.#options.response.destroy();
  }

  #finish(end: { readonly failed: false } | { readonly failed: true; readonly thrown: Error }): void {
    this.#end ??= end;
    clearTimeout(this.#timer);
    this.#wake();
  }
}
