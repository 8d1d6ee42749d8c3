import { longestObject, Malformed, Piece, parseJson } from './malformed.ts';

/** Cuts the items out of the JSON of a list as it comes in, so that no more than one item is held at a time. */
export interface ItemSplitter {
  /** The JSON of each item that the chunk completes. @throws Malformed */
  push(chunk: Buffer): Generator<string, void>;
  /** The list without its items, once all has come. @throws Malformed when something is missing or too much */
  end(): unknown;
}

/** The list without its items: its kind and metadata. */
const longestRest = 1024 * 1024;

/** `longest`: of one item, in bytes. */
export function createItemSplitter(longest: number = longestObject): ItemSplitter {
  const machine = new Machine(longest);
  return {
    push: (chunk) => machine.push(chunk),
    end: () => machine.end(),
  };
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Follows strings and nesting only. Whether the rest is JSON at all is for JSON.parse to say, of each item and of the list without its
 * items: between them they see every byte but the commas of the list.
 */
class Machine {
  readonly #item: Piece;
  readonly #rest = new Piece('the list without its items', longestRest);
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The string at depth 1 that was seen last, with its quotes: a key, once its colon comes. */
  #key: Piece | undefined;
  #keyText = '';
  /** The next value is that of `items`. */
  #itemsNext = false;
  #inItems = false;
  #items = 0;

  constructor(longest: number) {
    this.#item = new Piece('an item', longest);
  }

  *push(chunk: Buffer): Generator<string, void> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      if (byte === undefined || byte <= 0x20) continue;
      if (byte === quote) {
        this.#inString = true;
        if (this.#depth === 1) this.#startKey(chunk, at);
      } else if (this.#inItems && this.#depth === 2 && (byte === comma || byte === closeBracket)) {
        this.#item.add(chunk.subarray(from, at));
        from = byte === comma ? at + 1 : at;
        const text = this.#endItem(byte === closeBracket);
        if (text !== undefined) yield text;
      } else if (this.#visit(byte)) {
        this.#rest.add(chunk.subarray(from, at + 1));
        from = at + 1;
      }
    }
    (this.#inItems ? this.#item : this.#rest).add(chunk.subarray(from));
  }

  end(): unknown {
    const rest = this.#rest.take();
    if (this.#inItems || this.#depth !== 0) throw new Malformed('it ends in the middle');
    return parseJson(rest);
  }

  /** Where the string ends, or the last byte of the chunk. */
  #skipString(chunk: Buffer, start: number): number {
    let at = start;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        break;
      }
    }
    this.#key?.add(chunk.subarray(start, at + 1));
    if (!this.#inString && this.#key) {
      this.#keyText = this.#key.take();
      this.#key = undefined;
    }
    return at;
  }

  #startKey(chunk: Buffer, at: number): void {
    this.#key = new Piece('a key', longestRest);
    this.#key.add(chunk.subarray(at, at + 1));
  }

  /** A byte outside of strings; whether the items begin behind it. */
  #visit(byte: number): boolean {
    if (byte === closeBrace || byte === closeBracket) this.#depth -= 1;
    if (byte === colon && this.#depth === 1) {
      this.#itemsNext = parseJson(this.#keyText) === 'items';
      return false;
    }
    const begins = this.#itemsNext && byte === openBracket;
    this.#itemsNext = false;
    if (byte === openBrace || byte === openBracket) this.#depth += 1;
    if (!begins) return false;
    if (this.#items > 0) throw new Malformed('it has items twice');
    this.#inItems = true;
    return true;
  }

  /** The text of the item that ends here; undefined for the nothing in an empty list. */
  #endItem(last: boolean): string | undefined {
    const text = this.#item.take();
    if (last) {
      this.#inItems = false;
      // The bracket itself belongs to the rest.
      this.#depth -= 1;
    }
    if (last && this.#items === 0 && text.trim() === '') return undefined;
    this.#items += 1;
    return text;
  }
}
