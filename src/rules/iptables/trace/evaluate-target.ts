import { addressPort } from '../../../model/address.ts';
import type { Rule, Table, Target, TargetOf } from '../objects.ts';
import type { Place, Walker } from './walker.ts';

/** What a rule that matches does to the packet: it goes on, the table is done with it, or it ends here. */
export type Effect = 'on' | 'accept' | 'drop' | 'reject';

/** Whether it can be said what the rule's target does. */
export function isKnown({ target }: Rule, chains: Table): boolean {
  if (target.kind === 'jump' || target.kind === 'goto') return chains.has(target.chain);
  return target.kind !== 'other' || onlyWatches.test(target.text);
}

/** Lets the target have the packet. */
export function act<K extends Target['kind']>(target: TargetOf<K>, walker: Walker, chains: Table): Effect {
  return actions[target.kind](target, walker, chains);
}

/** What the target does, in a few words. */
export function effectText<K extends Target['kind']>(target: TargetOf<K>): string {
  return effectTexts[target.kind](target);
}

/** Targets that note the packet down and let it go on. */
const onlyWatches = /^(?:LOG|NFLOG|ULOG|TRACE|AUDIT)(?: |$)/;

/** The kernel refuses rules with loops; rules made by hand may have some. */
const deepest = 1000;

const actions: {
  readonly [K in Target['kind']]: (target: TargetOf<K>, walker: Walker, chains: Table) => Effect;
} = {
  jump: ({ chain }, walker, chains) => call(walker, chain, chains, walker.place),
  goto: ({ chain }, walker, chains) => call(walker, chain, chains, walker.place?.caller),
  accept: () => 'accept',
  drop: () => 'drop',
  reject: () => 'reject',
  return: (_, walker) => leave(walker),
  mark: ({ clear, flip }, walker) => {
    walker.mark = ((walker.mark & ~clear) ^ flip) >>> 0;
    return 'on';
  },
  masquerade: (_, walker) => {
    walker.masquerade = true;
    return 'accept';
  },
  dnat: ({ address, port }, walker) => {
    walker.destination = address;
    walker.port = port;
    walker.translated = true;
    return 'accept';
  },
  none: () => 'on',
  other: () => 'on',
};

const effectTexts: { readonly [K in Target['kind']]: (target: TargetOf<K>) => string } = {
  jump: ({ chain }) => `jump ${chain}`,
  goto: ({ chain }) => `goto ${chain}`,
  accept: () => 'accept',
  drop: () => 'drop',
  reject: () => 'reject',
  return: () => 'return',
  mark: ({ clear, flip }) => markText(clear, flip),
  masquerade: () => 'masquerade',
  dnat: ({ address, port }) => `DNAT to ${addressPort(address, port)}`,
  none: () => 'count',
  other: ({ text }) => text,
};

function markText(clear: number, flip: number): string {
  if (clear === flip) return `set mark 0x${flip.toString(16)}`;
  if (clear === 0) return `flip mark 0x${flip.toString(16)}`;
  return `mark = (mark & ~0x${clear.toString(16)}) ^ 0x${flip.toString(16)}`;
}

function call(walker: Walker, name: string, chains: Table, caller: Place | undefined): Effect {
  const chain = chains.get(name);
  const depth = (walker.place?.depth ?? 0) + 1;
  if (depth > deepest) throw new Error(`The chains of this rule set loop through ${name}.`);
  if (chain !== undefined) walker.place = { chain, next: 0, caller, depth };
  return 'on';
}

/** RETURN: behind the rule that jumped here; from a built-in chain, to its policy. */
function leave(walker: Walker): Effect {
  if (walker.place !== undefined) walker.place.next = Number.POSITIVE_INFINITY;
  return 'on';
}
