import { createHash } from 'node:crypto';
import type { Family } from '../model/address.ts';
import type { Follow } from './follow-program.ts';
import { type IptablesPrograms, programArgv } from './iptables-programs.ts';

/** What `iptables-save` says at one moment, in few bytes. */
export interface RulesDigest {
  readonly digest: string;
  /** How long it took to read. */
  readonly milliseconds: number;
}

/**
 * Digest of all rules of a family, without counters and dates. The text is read as it comes and never held: it is 20 MB for 10,000
 * Services. Undefined when the program failed: whoever needs the rules themselves will learn why.
 */
export function digestRules(
  follow: Follow,
  programs: IptablesPrograms,
  family: Family,
): Promise<RulesDigest | undefined> {
  const started = performance.now();
  const hash = createHash('sha256');
  let rest = '';
  return new Promise((resolve) => {
    let stop: () => void = () => undefined;
    const timer = setTimeout(() => stop(), longestMilliseconds);
    stop = follow(programArgv(programs, family, 'save'), {
      text: (piece) => {
        const text = rest + piece;
        const end = text.lastIndexOf('\n') + 1;
        rest = text.slice(end);
        hash.update(text.slice(0, end).replace(changing, ''));
      },
      ended: ({ exitCode }) => {
        clearTimeout(timer);
        const milliseconds = performance.now() - started;
        resolve(exitCode === 0 ? { digest: hash.digest('base64'), milliseconds } : undefined);
      },
    });
  });
}

/** A program that hangs is no reason never to look again. */
const longestMilliseconds = 120_000;

/** Comments with dates, and the declarations of built-in chains with their counters (`:INPUT ACCEPT [12:720]`). */
const changing = /^(?:#.*|:\S+ [A-Z]+ \[.*)$/gm;
