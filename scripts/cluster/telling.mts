// Lines about what lasts: what is done now, and every few seconds that it still is.
interface Telling {
  /** From now on this is what is done. */
  now(what: string): void;
  /** All is done. */
  done(what: string): void;
  stop(): void;
}

const everyMilliseconds = 2000;

export function startTelling(tell: (line: string) => void): Telling {
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  let what = '';
  const say = (text: string): void => tell(`${seconds().padStart(7)}  ${text}`);
  const timer = setInterval(() => what !== '' && say(`… ${what}`), everyMilliseconds);
  return {
    now: (next) => {
      what = next;
      say(next);
    },
    done: (last) => {
      what = '';
      say(last);
    },
    stop: () => clearInterval(timer),
  };
}
