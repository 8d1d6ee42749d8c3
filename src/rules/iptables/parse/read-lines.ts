import { splitWords } from './parse-words.ts';

/** The words of a line that says something; `line` counts from 1. */
export interface Words {
  readonly line: number;
  readonly words: readonly string[];
}

/** Lines of a text that comes in pieces. A quotation that is open at the end of a line goes on in the next. */
export class LineReader {
  #line = 0;
  /** The beginning of a line whose end has not come. */
  #rest = '';
  /** Lines with an open quotation. */
  #open = '';

  *push(piece: string): Generator<Words, void, undefined> {
    const text = this.#rest + piece;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const words = this.#read(text.slice(start, end));
      start = end + 1;
      if (words !== undefined) yield words;
    }
    this.#rest = text.slice(start);
  }

  *end(): Generator<Words, void, undefined> {
    const words = this.#rest === '' ? undefined : this.#read(this.#rest);
    if (words !== undefined) yield words;
    // A quotation that never ended: as one word it is no command.
    if (this.#open !== '') yield { line: this.#line, words: [this.#open] };
  }

  #read(one: string): Words | undefined {
    this.#line++;
    if (this.#open === '' && (one === '' || one.startsWith('#'))) return undefined;
    const whole = this.#open === '' ? one : `${this.#open}\n${one}`;
    const words = splitWords(whole);
    this.#open = words === undefined ? whole : '';
    return words === undefined || words.length === 0 ? undefined : { line: this.#line, words };
  }
}
