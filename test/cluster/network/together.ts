/** Things that are cheaper done together: what is asked for while some are being done waits, and is done with the next ones. */
export class Together<Item> {
  readonly #doAll: (items: readonly Item[]) => Promise<unknown>;
  #waiting: Item[] = [];
  #next: Promise<unknown> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(doAll: (items: readonly Item[]) => Promise<unknown>) {
    this.#doAll = doAll;
  }

  /** Resolves when it is done. Fails when those done together with it do. */
  async do(item: Item): Promise<void> {
    this.#waiting.push(item);
    this.#next ??= this.#begin();
    await this.#next;
  }

  #begin(): Promise<unknown> {
    const done = this.#last.then(() => {
      const items = this.#waiting;
      this.#waiting = [];
      this.#next = undefined;
      return this.#doAll(items);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}
