import { createHash } from 'node:crypto';
import { besideNames, type ChainNames, firewall } from '../rules/iptables/names.ts';
import { tableNames } from '../rules/iptables/objects.ts';
import type { Iptables } from './iptables.ts';

/**
 * Digest of all rules of a family in the tables that we write to, without counters and dates. The text is read as it comes and never held: it
 * is 20 MB for 10,000 Services. Undefined when the program failed: whoever needs the rules themselves will learn why.
 */
export async function digestRules(
  iptables: Pick<Iptables, 'read'>,
  names: ChainNames,
): Promise<string | undefined> {
  const hash = new RulesHash(names);
  try {
    await iptables.read(async (piece) => hash.push(piece));
  } catch {
    return undefined;
  }
  return hash.end();
}

/**
 * Makes the digest of what `iptables-save` prints, which may come in pieces. Beside kube-proxy, which writes all the time, it is one of our own
 * lines only.
 */
export class RulesHash {
  readonly #hash = createHash('sha256');
  readonly #counting: (lines: string) => string;
  #rest = '';
  #ours = false;

  /** @param names those of our chains. */
  constructor(names: ChainNames) {
    this.#counting = names === besideNames ? ownLines : lasting;
  }

  push(piece: string): void {
    const text = this.#rest + piece;
    const end = text.lastIndexOf('\n') + 1;
    this.#rest = text.slice(end);
    const lines = text.slice(0, end);
    const parts = lines.includes('\n*') ? lines.split(tableStart) : [lines];
    for (const part of parts) this.#take(part);
  }

  end(): string {
    return this.#hash.digest('base64');
  }

  #take(part: string): void {
    if (part.startsWith('*')) this.#ours = tableNames.some((table) => part.startsWith(`*${table}\n`));
    if (this.#ours) this.#hash.update(this.#counting(part));
  }
}

const tableStart = /^(?=\*)/m;

function lasting(lines: string): string {
  return lines.replace(changing, '');
}

/** Comments with dates, and the declarations of built-in chains with their counters (`:INPUT ACCEPT [12:720]`). */
const changing = /^(?:#.*|:\S+ [A-Z]+ \[.*)$/gm;

function ownLines(lines: string): string {
  return (lines.match(own) ?? []).map((line) => `${line}\n`).join('');
}

/** Tables, our chains, their rules and kubelet's, which we write as well, and what leads to them. */
const own = new RegExp(
  `^(?:\\*|:${besideNames.prefix}|-A (?:${besideNames.prefix}|${firewall} |.* -[jg] (?:${besideNames.prefix}|${firewall}$))).*$`,
  'gm',
);
