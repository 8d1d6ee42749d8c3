import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '../manual-clock.ts';

/** Waits for those who do their work in many turns of the event loop. */
export class StirredClock extends ManualClock {
  /** Raised by whoever does something that others will follow. */
  stir = 0;
  /** So many turns of the event loop in which nobody stirs: more for those who pause often in long work. */
  patience = 5;

  constructor() {
    super(() => this.#settled());
  }

  /** Resolves when nobody has stirred for some turns of the event loop. */
  async #settled(): Promise<void> {
    let quiet = 0;
    for (let stir = this.stir; quiet < this.patience; stir = this.stir) {
      await turn();
      quiet = stir === this.stir ? quiet + 1 : 0;
    }
  }
}
