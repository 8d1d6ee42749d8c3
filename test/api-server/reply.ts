import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createGzip } from 'node:zlib';
import type { Fault } from './faults.ts';

/** An answer that is being written: the head, then pieces (lines of a watch, objects of a list). */
export interface Reply {
  readonly head: (status: number, headers: Readonly<Record<string, string>>) => void;
  readonly write: (piece: string | Buffer) => void;
  readonly end: () => void;
}

/** One request's connection. `raw` is the TCP socket below TLS. */
export interface Wire {
  readonly response: ServerResponse;
  readonly raw: Socket | undefined;
}

export function plainReply({ response }: Wire): Reply {
  return {
    head(status, headers) {
      response.writeHead(status, headers);
      response.flushHeaders();
    },
    write(piece) {
      if (!response.destroyed) response.write(piece);
    },
    end() {
      response.end();
    },
  };
}

/** Closes below TLS, so that the peer sees a reset. */
export function resetConnection({ raw, response }: Wire): void {
  if (raw) raw.resetAndDestroy();
  else response.destroy();
}

/**
 * Lets the fault spoil the body; a fault that is no business of the body leaves it as it is.
 * @param quiet a line that harms nobody, for a watch in which nothing happens.
 */
export function spoil(fault: Fault, reply: Reply, wire: Wire, quiet: string): Reply {
  switch (fault.kind) {
    case 'close-mid-line':
      return atFirst(reply, quiet, (piece) => {
        reply.write(piece.slice(0, Math.ceil(piece.length / 2)));
        setTimeout(() => wire.response.destroy(), 20);
        return 'over';
      });
    case 'reset':
      return atFirst(reply, quiet, (piece) => {
        reply.write(piece);
        setTimeout(() => resetConnection(wire), 20);
        return 'over';
      });
    case 'silence':
      return fault.after === 'body'
        ? atFirst(reply, quiet, (piece) => {
            reply.write(piece);
            return 'over';
          })
        : { head: reply.head, write: () => undefined, end: () => undefined };
    case 'malformed-line':
      return atFirst(reply, quiet, (piece) => {
        reply.write(piece);
        reply.write('{"type":"MODIFIED","object":{nonsense}}\n');
        return 'goes on';
      });
    case 'giant-line':
      return atFirst(reply, quiet, (piece) => {
        reply.write(swollen(piece, fault.characters));
        return 'goes on';
      });
    case 'gzip':
      return zipped(reply, wire);
    case 'trickle':
      return trickling(fault, reply, wire);
    case 'close':
    case 'status':
    case 'gone':
    case 'html':
    case 'redirect':
    case 'answer':
      return reply;
  }
}

/** Hands the first piece that holds an object to the fault; a watch in which nothing happens gets the quiet one. */
function atFirst(reply: Reply, quiet: string, meet: (piece: string) => 'over' | 'goes on'): Reply {
  let state: 'before' | 'over' | 'goes on' = 'before';
  return {
    head(status, headers) {
      reply.head(status, headers);
      setImmediate(() => {
        if (state === 'before') state = meet(quiet);
      });
    },
    write(piece) {
      if (state === 'goes on' || (state === 'before' && !piece.includes('"metadata":{"name"')))
        reply.write(piece);
      else if (state === 'before') state = meet(String(piece));
    },
    end() {
      if (state !== 'over') reply.end();
    },
  };
}

/** The same object with an annotation of that length. */
function swollen(piece: string, characters: number): string {
  return piece.replace('"metadata":{', `"metadata":{"annotations":{"giant":"${'x'.repeat(characters)}"},`);
}

function zipped(reply: Reply, { response }: Wire): Reply {
  const gzip = createGzip({ level: 1 });
  gzip.on('data', (piece: Buffer) => reply.write(piece));
  gzip.on('end', () => reply.end());
  response.on('close', () => gzip.destroy());
  return {
    head: (status, headers) => reply.head(status, { ...headers, 'content-encoding': 'gzip' }),
    write(piece) {
      if (gzip.destroyed) return;
      gzip.write(piece);
      gzip.flush();
    },
    end: () => gzip.end(),
  };
}

function trickling(
  { bytes, milliseconds }: { readonly bytes: number; readonly milliseconds: number },
  reply: Reply,
  { response }: Wire,
): Reply {
  let waiting = Buffer.alloc(0);
  let ended = false;
  const timer = setInterval(() => {
    if (waiting.length > 0) reply.write(waiting.subarray(0, bytes));
    else if (ended) {
      clearInterval(timer);
      reply.end();
    }
    waiting = waiting.subarray(bytes);
  }, milliseconds);
  response.on('close', () => clearInterval(timer));
  return {
    head: reply.head,
    write(piece) {
      waiting = Buffer.concat([waiting, Buffer.from(piece)]);
    },
    end() {
      ended = true;
    },
  };
}
