/** Bytes that no API server sends. `message` reads on from "is not one of a Kubernetes API server:". */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Bytes of a line or an item that is still incomplete, never more than `most`. */
export class Piece {
  readonly #most: number;
  readonly #what: string;
  #parts: Buffer[] = [];
  #length = 0;

  /** `what` names it in the message when it grows past `most` bytes. */
  constructor(what: string, most: number) {
    this.#what = what;
    this.#most = most;
  }

  /** @throws Malformed when it grows too long */
  add(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > this.#most) {
      this.#parts = [];
      throw new Malformed(`${this.#what} is longer than ${this.#most} bytes`);
    }
    this.#parts.push(part);
  }

  /** All of it as text; empty again afterwards. */
  take(): string {
    const [only] = this.#parts;
    const whole = this.#parts.length === 1 && only ? only : Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    return whole.toString('utf8');
  }
}

/** A text as JSON. @throws Malformed */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    // V8's message quotes the text, which may be anybody's: it stays a cause.
    const reason = /^\s*</.test(text) ? 'HTML instead of JSON' : 'it holds what is no JSON';
    throw new Malformed(reason, { cause: thrown });
  }
}

/** The longest JSON of one object. etcd takes requests of 1.5 MB (protobuf), of which JSON makes some times as much. */
export const longestObject = 16 * 1024 * 1024;
