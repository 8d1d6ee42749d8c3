import type { Layout } from '../rules/iptables/layout/layout.ts';
import { planAll } from '../rules/iptables/plan/delta.ts';
import type { Plan, Step } from '../rules/plan.ts';
import { paced } from './pace.ts';
import { type Owner, type Reading, type RuleKernel, readApplied } from './sync.ts';

/** What was read ahead says nothing after that. */
const freshMilliseconds = 10_000;

/** Reads what the kernel holds of one family: ahead of the first pass, for a pass, and beside passes. */
export class KernelReader {
  #ahead: { readonly reading: Reading; readonly owner: Owner; readonly at: number } | undefined;
  /** The plan that is being applied. */
  #sending: Plan | undefined;
  /** `table chain` of what was written since a comparison began; undefined: there is none. */
  #written: Set<string> | undefined;

  async readAhead(kernel: RuleKernel, owner: Owner, now: number): Promise<void> {
    this.#ahead = { reading: await readApplied(kernel, owner), owner, at: now };
  }

  /** For a pass, which begins with it: what was read ahead, once and if it is fresh, or what is there now. */
  async read(kernel: RuleKernel, owner: Owner, now: number): Promise<Reading> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const serves =
      ahead?.owner.besideKubeProxy === owner.besideKubeProxy && now - ahead.at < freshMilliseconds;
    return serves ? { ...ahead.reading, ahead: true } : readApplied(kernel, owner);
  }

  /**
   * Compares what the kernel holds with a layout that was written, while passes go on; what they write meanwhile is left out.
   * @returns the digest of the rules when everything is as it was written.
   * @throws what a read throws.
   */
  async compare(kernel: RuleKernel, layout: Layout): Promise<string | undefined> {
    const written = new Set(this.#sending?.steps.map(placeOf));
    this.#written = written;
    try {
      const { applied, digest } = await readApplied(kernel, layout.routes.node);
      const { steps } = await paced(planAll(applied, layout));
      return steps.every((step) => written.has(placeOf(step))) ? digest : undefined;
    } finally {
      this.#written = undefined;
    }
  }

  /** The plan is applied from now on. */
  sending(plan: Plan): void {
    this.#sending = plan;
    for (const step of plan.steps) this.#written?.add(placeOf(step));
  }

  /** Nothing is being applied any more. */
  sent(): void {
    this.#sending = undefined;
  }
}

function placeOf({ table, chain }: Pick<Step, 'table' | 'chain'>): string {
  return `${table} ${chain}`;
}
