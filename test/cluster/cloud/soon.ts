/** A job that is done soon after it is asked for, one run at a time; what is asked while it waits its turn is done with one run. */
export class Soon {
  readonly #job: () => Promise<void>;
  #due = false;
  #work: Promise<void> = Promise.resolve();

  constructor(job: () => Promise<void>) {
    this.#job = job;
  }

  ask(): void {
    if (this.#due) return;
    this.#due = true;
    this.#work = this.#work.then(() => {
      this.#due = false;
      return this.#job();
    });
  }

  /** Resolves when all that was asked is done. @throws what the job threw; it is not done again then. */
  settled(): Promise<void> {
    return this.#work;
  }
}
