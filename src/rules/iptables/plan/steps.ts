import type { Line, Step } from '../../plan.ts';
import type { Chain, JumpRule, TableName } from '../objects.ts';
import { renderRule, renderRuleWith } from '../render.ts';

/** A chain that is written. */
export interface Written {
  readonly chain: Chain;
  readonly service: string | undefined;
  /** Rules that it has before; undefined: it does not exist. */
  readonly replaces: number | undefined;
}

/** The step that writes a chain; `again` makes the chain anew when its lines are asked for. */
export function writing(written: Written, again: (step: Step) => Chain | undefined): Step {
  return new WriteStep(written, again);
}

/** A class, because a first load has 64,000: objects with functions of their own took three times the memory. */
class WriteStep implements Step {
  readonly verb = 'write';
  readonly table: TableName;
  readonly chain: string;
  readonly service: string | undefined;
  readonly creates: boolean;
  readonly replaces: number;
  readonly #lines: number;
  readonly #bytes: number;
  readonly #again: (step: Step) => Chain | undefined;

  constructor({ chain, service, replaces }: Written, again: (step: Step) => Chain | undefined) {
    const { lines, bytes } = sizeOf(linesOf(chain));
    this.table = chain.table;
    this.chain = chain.name;
    this.service = service;
    this.creates = replaces === undefined;
    this.replaces = replaces ?? 0;
    this.#lines = lines;
    this.#bytes = bytes;
    this.#again = again;
  }

  get size() {
    return { lines: this.#lines, bytes: this.#bytes };
  }

  lines(): readonly Line[] {
    return linesOf(this.#again(this));
  }
}

/** The step that takes a chain away. */
export function deletion(
  table: TableName,
  chain: string,
  { service, replaces }: { readonly service: string | undefined; readonly replaces: number },
): Step {
  const nothing = { lines: () => [], size: { lines: 0, bytes: 0 }, creates: false };
  return { verb: 'delete', table, chain, service, replaces, ...nothing };
}

/** The step that puts a rule first into a built-in chain. */
export function insertion({ table, builtin, rule }: JumpRule): Step {
  const lines = [{ text: renderRuleWith('-I', builtin, rule), service: undefined }];
  const about = { verb: 'insert', table, chain: builtin, service: undefined } as const;
  return { ...about, creates: false, replaces: 0, size: sizeOf(lines), lines: () => lines };
}

function linesOf(chain: Chain | undefined): readonly Line[] {
  return (chain?.rules ?? []).map((rule) => ({
    text: renderRule(chain?.name ?? '', rule),
    service: rule.service,
  }));
}

/** Rule text is ASCII: names came through the door. */
function sizeOf(lines: readonly Line[]): Step['size'] {
  return { lines: lines.length, bytes: lines.reduce((sum, { text }) => sum + text.length + 1, 0) };
}
