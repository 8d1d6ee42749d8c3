import { printable } from '../../errors.ts';
import type { ChainDrift, Comparison, RuleLines, ServiceChange } from '../../rules/comparison.ts';
import type { Ink, Page } from './page.ts';
import { aligned, counted, shortened } from './text.ts';

const signs: Readonly<Record<ServiceChange['action'], { readonly sign: string; readonly ink: Ink }>> = {
  add: { sign: '+', ink: 'added' },
  change: { sign: '~', ink: 'changed' },
  remove: { sign: '-', ink: 'removed' },
};

/** Names and addresses are aligned up to these widths, which leaves room for words in 80 columns. */
const nameCap = 28;
const addressCap = 30;

/** One line per Service port and family, then one per chain that somebody touched, then the sums. */
export function printDiff(comparison: Comparison, options: { readonly rules: boolean }, page: Page): string {
  const { changes, drift } = sorted(comparison);
  if (changes.length + drift.length === 0) return 'nothing to change\n';
  const driftTexts = aligned(drift.map(driftCells), [nameCap + addressCap]);
  const under = (rules: RuleLines): readonly string[] => (options.rules ? ruleLines(rules, page) : []);
  const lines = [
    ...changeLines(changes, page).flatMap((texts, index) => [
      ...texts,
      ...under(changes[index]?.rules ?? noRules),
    ]),
    ...drift.flatMap((each, index) => [
      `${page.paint('alarm', '!')} ${driftTexts[index] ?? ''}`,
      ...under(each),
    ]),
    page.paint('strong', summaryText(comparison)),
  ];
  return `${lines.join('\n')}\n`;
}

const noRules: RuleLines = { added: [], removed: [] };

/** The fixed contract: every key is always there, null where nothing is known, entries in the order of the text. */
export function diffJson(comparison: Comparison): unknown {
  const { changes, drift } = sorted(comparison);
  return {
    changes: changes.map(
      ({ service, action, family, protocol, addresses, before, after, details, rules }) => ({
        service,
        action,
        family,
        protocol: protocol ?? null,
        addresses,
        before: stateJson(before),
        after: stateJson(after),
        details,
        rules: { added: rules.added, removed: rules.removed },
      }),
    ),
    drift: drift.map(({ family, table, chain, service, added, removed, missing }) => ({
      family,
      table,
      chain,
      service: service ?? null,
      added,
      removed,
      missing,
    })),
    summary: summaryOf(comparison),
  };
}

interface Summary {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
  readonly drift: number;
}

function summaryOf({ changes, drift }: Comparison): Summary {
  const count = (action: ServiceChange['action']): number =>
    changes.filter((each) => each.action === action).length;
  return { add: count('add'), change: count('change'), remove: count('remove'), drift: drift.length };
}

function summaryText(comparison: Comparison): string {
  const { add, change, remove, drift } = summaryOf(comparison);
  return `${add} to add, ${change} to change, ${remove} to remove, ${drift} drifted`;
}

/** The lines of each change. Details that have no room in the first line follow, each in a line of its own. */
function changeLines(changes: readonly ServiceChange[], page: Page): readonly (readonly string[])[] {
  const caps = [nameCap, addressCap];
  const short = aligned(
    changes.map((change) => changeCells(change, [])),
    caps,
  );
  const long = aligned(
    changes.map((change) => changeCells(change, toldDetails(change))),
    caps,
  );
  return changes.map((change, index) => {
    const { sign, ink } = signs[change.action];
    const whole = long[index] ?? '';
    if (whole.length + 2 <= page.columns) return [`${page.paint(ink, sign)} ${whole}`];
    const rest = toldDetails(change).map((detail) => `    ${clipped(printable(detail), page.columns - 4)}`);
    return [`${page.paint(ink, sign)} ${short[index] ?? ''}`, ...rest];
  });
}

/** Where the number of endpoints changes, the line says so; which ones it is stands in the JSON and in the rules. */
function toldDetails({ before, after, details }: ServiceChange): readonly string[] {
  return before?.endpoints === after?.endpoints
    ? details
    : details.filter((detail) => !detail.startsWith('endpoint '));
}

function changeCells(change: ServiceChange, details: readonly string[]): readonly string[] {
  const { service, addresses, action, before, after, family } = change;
  const where = service === 'node' ? `every service, ${family}` : shortened(addresses, 1);
  const words = [endpointWords(action, before?.endpoints, after?.endpoints), ...details];
  return [printable(service), printable(where), printable(words.filter((each) => each !== '').join(', '))];
}

/** Long lists end with an ellipsis; JSON has them whole. */
function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 2).replace(/ \S*$/, '')} …`;
}

function endpointWords(
  action: ServiceChange['action'],
  before: number | undefined,
  after: number | undefined,
): string {
  const count = (endpoints: number): string =>
    endpoints === 0 ? 'no endpoints' : counted(endpoints, 'endpoint');
  if (action === 'change') {
    if (before === undefined || after === undefined || before === after) return '';
    return `${before} → ${counted(after, 'endpoint')}`;
  }
  const known = action === 'add' ? after : before;
  return known === undefined ? '' : count(known);
}

function driftCells({
  chain,
  table,
  service,
  family,
  added,
  removed,
  missing,
}: ChainDrift): readonly string[] {
  const about = [service ?? table, ...(family === 'IPv6' ? ['IPv6'] : [])].join(', ');
  const words = missing
    ? ['chain missing']
    : [
        ...(added.length > 0 ? [`${counted(added.length, 'rule')} added`] : []),
        ...(removed.length > 0 ? [`${counted(removed.length, 'rule')} missing`] : []),
      ];
  // The same rules in another order.
  if (words.length === 0) words.push('rules reordered');
  return [printable(`${chain} (${about})`), words.join(', ')];
}

function ruleLines({ added, removed }: RuleLines, page: Page): readonly string[] {
  return [
    ...removed.map((rule) => page.paint('removed', `    - ${printable(rule)}`)),
    ...added.map((rule) => page.paint('added', `    + ${printable(rule)}`)),
  ];
}

function stateJson(state: ServiceChange['before']): unknown {
  return state === undefined
    ? null
    : { endpoints: state.endpoints, affinitySeconds: state.affinitySeconds ?? null };
}

function sorted({ changes, drift }: Comparison): Comparison {
  return {
    changes: changes.toSorted((a, b) => compare(changeOrder(a), changeOrder(b))),
    drift: drift.toSorted((a, b) => compare(driftOrder(a), driftOrder(b))),
  };
}

/** What concerns the whole node stands first. */
function changeOrder({ service, protocol, family }: ServiceChange): readonly string[] {
  return [service === 'node' ? '' : service, protocol ?? '', family];
}

function driftOrder({ service, family, table, chain }: ChainDrift): readonly string[] {
  return [service ?? '', family, table, chain];
}

/** By code units, so that every machine sorts alike. */
function compare(a: readonly string[], b: readonly string[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
