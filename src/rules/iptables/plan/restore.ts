import type { Line, Step } from '../../plan.ts';
import { tableNames } from '../objects.ts';

/**
 * How many transactions a table's steps may be. `one`: iptables-legacy, which copies the whole table for each. `small`: iptables-nft, whose
 * user space walks a sorted list of the transaction's chains for every line, so that time grows with the square of a transaction
 * (iptables 1.8.9, cache_chain_list_insert: 10,000 Services × 5 endpoints take 5 s in small transactions, and in one were given up after a minute).
 */
export type Transactions = 'one' | 'small';

/** Chains of a small transaction; a Service's chains stay together even when they are more. */
const chainsPerTransaction = 700;

/**
 * The input of `iptables-restore --noflush` for these steps, line by line. In each table: the chains (which empties those that exist),
 * the rules, the jumps from built-in chains, the deletions. Nothing for no steps.
 *
 * Small transactions keep every packet on either the old rules of its Service or the new: first the chains that are new, which nothing reaches
 * yet, called ones before their callers; then, in one transaction, everything that packets can reach; last the deletions. When that one
 * would be large as well, the chains of Services change before those that lead to them, a Service in one transaction.
 *
 * The result may be iterated again: the lines are made anew each time and never held together.
 */
export function restoreLines(steps: readonly Step[], transactions: Transactions): Iterable<Line> {
  return { [Symbol.iterator]: () => lines(steps, transactions) };
}

function* lines(steps: readonly Step[], transactions: Transactions): Generator<Line> {
  const tables = tableNames.map((table) => {
    const here = steps.filter((step) => step.table === table);
    return { table, parts: transactions === 'one' ? undivided(here) : divided(here) };
  });
  // What packets reach changes in all tables back to back: between filter and nat lies no preparation.
  for (const { table, parts } of tables)
    for (const group of parts.unreached) yield* transaction(table, group);
  for (const { table, parts } of tables) for (const group of parts.services) yield* transaction(table, group);
  for (const { table, parts } of tables) yield* transaction(table, parts.reached);
  // Emptied first, all of them, so that no order of deletion meets a chain that another one still jumps to.
  for (const { table, parts } of tables) {
    for (const group of parts.deleted) yield* wrapped(table, declarations(group));
    for (const group of parts.deleted) yield* wrapped(table, deletions(group));
  }
}

/** Steps of one table in the order in which they may be sent. */
interface Parts {
  /** New chains that nothing reaches yet, called ones before their callers. */
  readonly unreached: readonly (readonly Step[])[];
  /** Chains of Services that packets reach already, where they are too many for {@link reached}. */
  readonly services: readonly (readonly Step[])[];
  readonly reached: readonly Step[];
  readonly deleted: readonly (readonly Step[])[];
}

function undivided(steps: readonly Step[]): Parts {
  return { unreached: [], services: [], reached: steps, deleted: [] };
}

function divided(steps: readonly Step[]): Parts {
  if (steps.length <= chainsPerTransaction) return undivided(steps);
  const fresh = steps.filter(({ creates }) => creates);
  const deleted = steps.filter(({ verb }) => verb === 'delete');
  const changed = steps.filter(({ verb, creates }) => verb !== 'delete' && !creates);
  const ofServices = changed.filter(({ service }) => service !== undefined);
  const many = ofServices.length > chainsPerTransaction;
  const { first, services, trees, roots } = calledFirst(fresh);
  return {
    unreached: [first, ...grouped(services), ...grouped(trees)],
    services: many ? grouped(ofServices) : [],
    reached: [...roots, ...(many ? changed.filter(({ service }) => service === undefined) : changed)],
    deleted: grouped(deleted),
  };
}

function* transaction(table: string, steps: readonly Step[]): Generator<Line> {
  if (steps.length === 0) return;
  yield plain(`*${table}`);
  yield* declarations(steps);
  for (const step of steps) yield* step.lines();
  yield* deletions(steps);
  yield plain('COMMIT');
}

/** A chain that exists is emptied by this, and one that does not is created. */
function* declarations(steps: readonly Step[]): Generator<Line> {
  for (const { verb, chain, service } of steps)
    if (verb !== 'insert') yield { text: `:${chain} - [0:0]`, service };
}

function* deletions(steps: readonly Step[]): Generator<Line> {
  for (const { verb, chain, service } of steps) if (verb === 'delete') yield { text: `-X ${chain}`, service };
}

function* wrapped(table: string, content: Iterable<Line>): Generator<Line> {
  yield plain(`*${table}`);
  yield* content;
  yield plain('COMMIT');
}

/**
 * New chains in the order in which they may be created: the node's own, those of Services, the dispatch trees' from the
 * leaves up, the roots. Steps come from the layout in the order roots, trees, Services.
 */
function calledFirst(fresh: readonly Step[]) {
  const services = fresh.filter(({ service }) => service !== undefined);
  const shared = fresh.filter(({ service }) => service === undefined);
  const trees = shared.filter(({ chain }) => isServiceChain(chain)).reverse();
  const roots = shared.filter((step) => !isServiceChain(step.chain) && step.lines().some(leadsToService));
  const first = shared.filter((step) => !isServiceChain(step.chain) && !roots.includes(step));
  return { first, services, trees, roots };
}

function isServiceChain(name: string): boolean {
  return /^[A-Z]+-(?:SVC|SVL|EXT|FW|SEP)-/.test(name);
}

function leadsToService({ text }: Line): boolean {
  return / -j [A-Z]+-(?:SVC|SVL|EXT|FW|NODEPORTS)/.test(text);
}

/** Cut into runs of about {@link chainsPerTransaction} without parting a Service. */
function grouped(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  let group: Step[] = [];
  for (const [index, step] of steps.entries()) {
    group.push(step);
    const parts = step.service === undefined || step.service !== steps[index + 1]?.service;
    if (group.length < chainsPerTransaction || !parts) continue;
    groups.push(group);
    group = [];
  }
  return group.length > 0 ? [...groups, group] : groups;
}

function plain(text: string): Line {
  return { text, service: undefined };
}
