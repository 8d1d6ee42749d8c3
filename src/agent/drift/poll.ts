export interface PollOptions {
  /** Undefined: the rules could not be read. */
  readonly digest: () => Promise<string | undefined>;
  /** Counts our own writes. */
  readonly writes: () => number;
  /** The digest of the rules when the last sync read them and had nothing to do; undefined: it did not, or we wrote since. */
  readonly known: () => string | undefined;
  /**
   * Reads the kernel, compares everything and repairs; resolves when that has ended, however.
   * @returns the digest of what was read, when all of it was as we wrote it.
   */
  readonly compare: () => Promise<string | undefined>;
}

/** Looks whether the rules of a family are still those that were compared last. */
export class Poll {
  readonly #options: PollOptions;
  #writes = -1;
  /** Digest of rules that were compared and found to be ours. */
  #verified: string | undefined;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** One look. Reads a digest, and compares rule by rule only when it is not the verified one; after a write of ours none is. */
  async look(): Promise<'same' | 'compared'> {
    const { digest, writes, known, compare } = this.#options;
    if (writes() !== this.#writes) this.#verified = undefined;
    this.#verified ??= known();
    this.#writes = writes();
    const read = this.#verified === undefined ? undefined : await digest();
    if (read !== undefined && read === this.#verified) return 'same';
    this.#writes = writes();
    this.#verified = await compare();
    return 'compared';
  }
}
