import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { worldEnvironment } from './holder.ts';

/** No SCTP: the kernels of most test machines are built without its sockets. */
export type TrafficProtocol = 'TCP' | 'UDP';

/** A server's socket. Its name is what it answers with. */
export interface ListenSocket {
  readonly name: string;
  readonly protocol: TrafficProtocol;
  readonly address: string;
  readonly port: number;
}

export interface Target {
  readonly protocol: TrafficProtocol;
  readonly to: string;
  readonly port: number;
  /** Source addresses, taken in turn. */
  readonly sources: readonly string[];
  readonly timeoutMilliseconds: number;
}

/** What became of one connection, or of one datagram from a socket of its own. */
export type DialResult = DialOutcome & {
  /** The address it was sent from. */
  readonly from: string;
  readonly milliseconds: number;
};

type DialOutcome =
  | {
      readonly outcome: 'answered';
      readonly server: string;
      /** Where the server listens. */
      readonly address: string;
      readonly port: number;
      /** Who dialled, as the server sees it. */
      readonly source: string;
      readonly sourcePort: number;
    }
  /** By a TCP reset or by an ICMP error. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'unreachable'; readonly code: string }
  | { readonly outcome: 'timeout' };

export interface StreamCounts {
  /** Answered connections by the server's name. */
  readonly answered: Readonly<Record<string, number>>;
  readonly failed: readonly DialResult[];
  /** The long connections: `broken` is empty while all is well. */
  readonly kept: readonly { readonly server: string; readonly exchanges: number; readonly broken: string }[];
}

interface Waiting {
  readonly resolve: (json: string) => void;
  readonly reject: (error: Error) => void;
}

/** The process that serves and dials in one namespace; see actor.mjs. */
export class Actor {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #stderr = '';
  #lastId = 0;

  /** @param enter words put before a command to run it in the namespace. */
  constructor(enter: readonly [string, ...string[]]) {
    const [program, ...args] = [...enter, process.execPath, join(import.meta.dirname, 'actor.mjs')];
    // A session of its own: Ctrl-C is for whoever uses the world.
    this.#child = spawn(program ?? 'nsenter', args, { detached: true, env: worldEnvironment() });
    this.#child.stdin.on('error', () => undefined); // told by the process's end
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#settle(line));
    this.#closed = once(this.#child, 'close')
      .catch((error: unknown) => {
        this.#stderr += String(error);
      })
      .then(() => {
        for (const { reject } of this.#waiting.values()) {
          reject(new Error(`an actor has ended: ${this.#stderr.trim()}`));
        }
        this.#waiting.clear();
      });
  }

  async listen(sockets: readonly ListenSocket[]): Promise<void> {
    await this.#ask('listen', { sockets });
  }

  /** Ends servers and their connections. */
  async closeServers(sockets: readonly ListenSocket[]): Promise<void> {
    await this.#ask('close', { sockets });
  }

  dial(dial: Target & { readonly count: number; readonly concurrency: number }): Promise<DialResult[]> {
    return this.#ask('dial', dial);
  }

  async startStream(
    stream: Target & { readonly number: number; readonly everyMilliseconds: number; readonly kept: number },
  ): Promise<void> {
    await this.#ask('startStream', stream);
  }

  countStream(number: number): Promise<StreamCounts> {
    return this.#ask('countStream', { number });
  }

  stopStream(number: number): Promise<StreamCounts> {
    return this.#ask('stopStream', { number });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }

  #ask<Result>(operation: string, argument: unknown): Promise<Result> {
    const id = ++this.#lastId;
    const asked = new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (json) => resolve(JSON.parse(json)), reject });
    });
    if (this.#child.exitCode === null)
      this.#child.stdin.write(`${JSON.stringify({ id, operation, argument })}\n`);
    else this.#waiting.get(id)?.reject(new Error(`an actor has ended: ${this.#stderr.trim()}`));
    return asked;
  }

  #settle(line: string): void {
    const [, id, how, json = ''] = line.match(/^(\d+) (ok|failed) (.*)$/) ?? [];
    const waiting = this.#waiting.get(Number(id));
    this.#waiting.delete(Number(id));
    if (how === 'ok') waiting?.resolve(json);
    else waiting?.reject(new Error(`an actor failed: ${json}`));
  }
}
