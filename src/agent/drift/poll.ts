import type { RulesDigest } from '../../kernel/rules-digest.ts';

export interface PollOptions {
  /** Undefined: the rules could not be read. */
  readonly digest: () => Promise<RulesDigest | undefined>;
  /** Counts our own writes. */
  readonly writes: () => number;
  /** Reads the kernel, compares everything and repairs; resolves when that has ended, however. */
  readonly verify: () => Promise<void>;
}

/** A cluster that changes all the time would else keep us from ever comparing. */
const mostDisturbances = 2;

/** Looks whether the rules of a family are still those that were compared last. */
export class Poll {
  readonly #options: PollOptions;
  #writes = -1;
  /** Digest of rules that were compared and found to be ours. */
  #verified: string | undefined;
  /** Digest of the rules just before they were compared. */
  #candidate: string | undefined;
  /** Looks in a row during which we wrote, so that they said nothing. */
  #disturbances = 0;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** We wrote during the last look, so it said nothing. */
  get disturbed(): boolean {
    return this.#disturbances > 0;
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
    const disturbed = writes() !== this.#writes;
    this.#disturbances = disturbed ? this.#disturbances + 1 : 0;
    if (disturbed && this.#disturbances < mostDisturbances) return read?.milliseconds ?? 0;
    const found = disturbed ? undefined : read?.digest;
    if (found !== undefined && found === this.#candidate) this.#verified = found;
    if (found === undefined || found !== this.#verified) {
      this.#forget();
      this.#candidate = found;
      this.#disturbances = 0;
      await verify();
    }
    return read?.milliseconds ?? 0;
  }

  #forget(): void {
    this.#verified = undefined;
    this.#candidate = undefined;
  }
}
