import { setTimeout } from 'node:timers/promises';

/** Cuts a rest short. Rung while nobody rests, it cuts short the next one. */
export class Bell {
  #rung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  async wait(milliseconds: number): Promise<void> {
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const { signal } = timer;
    if (!this.#rung)
      await Promise.race([woken, setTimeout(milliseconds, undefined, { signal }).catch(() => undefined)]);
    timer.abort();
    this.#rung = false;
  }
}
