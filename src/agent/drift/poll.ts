import type { RulesDigest } from '../../kernel/rules-digest.ts';

export interface PollOptions {
  /** Undefined: the rules could not be read. */
  readonly digest: () => Promise<RulesDigest | undefined>;
  /** Counts our own writes. */
  readonly writes: () => number;
  /** Reads the kernel, compares everything and repairs; resolves when that has ended, however. */
  readonly verify: () => Promise<void>;
}

/** Looks whether the rules of a family are still those that were compared last. */
export class Poll {
  readonly #options: PollOptions;
  #writes = -1;
  /** Digest of rules that were compared and found to be ours. */
  #verified: string | undefined;
  /** Digest of the rules just before they were compared. */
  #candidate: string | undefined;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /**
   * One look. Reads a digest, and compares rule by rule only when it is not the verified one. A digest counts as verified when it is
   * the same before and after a comparison with no write of ours in between.
   * @returns milliseconds that the digest took.
   */
  async look(): Promise<number> {
    const { digest, writes, verify } = this.#options;
    if (writes() !== this.#writes) this.#forget();
    this.#writes = writes();
    const read = await digest();
    if (writes() !== this.#writes) return read?.milliseconds ?? 0;
    const found = read?.digest;
    if (found !== undefined && found === this.#candidate) this.#verified = found;
    if (found === undefined || found !== this.#verified) {
      this.#forget();
      this.#candidate = found;
      await verify();
    }
    return read?.milliseconds ?? 0;
  }

  #forget(): void {
    this.#verified = undefined;
    this.#candidate = undefined;
  }
}
