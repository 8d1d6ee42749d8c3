/** Lets `burst` through at once, and then one each time a token has come back. Times are milliseconds of one clock. */
export class TokenBucket {
  readonly #burst: number;
  readonly #millisecondsEach: number;
  #tokens: number;
  #at: number;

  constructor(burst: number, millisecondsEach: number, now: number) {
    this.#burst = burst;
    this.#millisecondsEach = millisecondsEach;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Whether one may pass now; takes its token. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until {@link take} succeeds. */
  wait(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.ceil((1 - this.#tokens) * this.#millisecondsEach));
  }

  /** Whether it is as new. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#burst;
  }

  #refill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / this.#millisecondsEach);
    this.#at = now;
  }
}
