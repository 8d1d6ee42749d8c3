import { type ErrorCode, NodeplaneError } from '../errors.ts';
import type { Line } from '../rules/plan.ts';
import { CommandError, seconds } from './command-error.ts';
import type { CommandResult } from './exec.ts';
import { missingExtensions, type Refusal, readRefusal } from './iptables-errors.ts';

/** Where in the text that was sent a refusal lies. */
export interface RefusedLine extends Line {
  /** Counted from 1. */
  readonly number: number;
  /** The table that the line belongs to, of which nothing was applied. */
  readonly table: string;
  /** Tables that stood before it in the same text: each was committed by itself and is in force. */
  readonly committed: readonly string[];
}

/** A restore that failed. */
export class RestoreError extends NodeplaneError {
  /** Undefined when the failure is not about a line: permissions, the lock, a signal. */
  readonly refused: RefusedLine | undefined;

  constructor(
    code: ErrorCode,
    parameters: Readonly<Record<string, string | number>>,
    cause: CommandError,
    refused?: RefusedLine,
  ) {
    super(code, parameters, cause);
    this.refused = refused;
  }
}

export interface FailedRun {
  /** As people call it: `iptables-restore (nft)`. */
  readonly program: string;
  readonly lockSeconds: number;
  readonly result: CommandResult;
  /** What was sent; iterated a second time, to find the line that was refused. Empty for programs that read nothing. */
  readonly lines: Iterable<Line>;
}

/** The error for a run of an iptables program that did not end with exit code 0. */
export function restoreError(run: FailedRun): RestoreError {
  const { program, result, lockSeconds } = run;
  const cause = new CommandError(result);
  if (result.signal !== undefined || result.timedOut) return killed(run, cause);
  const refusal = readRefusal(result);
  switch (refusal.kind) {
    case 'permission':
      return new RestoreError('NP-KERNEL-002', { program }, cause);
    case 'lock-held':
      return new RestoreError('NP-KERNEL-003', { seconds: lockSeconds }, cause);
    case 'lock-file':
      return new RestoreError('NP-KERNEL-009', { path: refusal.path, reason: refusal.reason }, cause);
    case 'table':
    case 'no-table':
      return noTable(program, refusal.table, cause);
    case 'line':
    case 'no-chain':
      return lineError(run, refusal, cause);
    case 'other':
      return new RestoreError('NP-KERNEL-007', { program, reason: refusal.reason }, cause);
  }
}

function killed({ program, result }: FailedRun, cause: CommandError): RestoreError {
  const why = result.timedOut ? ', the longest it may take' : ', and not by nodeplane';
  const signal = result.signal ?? 'a signal';
  return new RestoreError('NP-KERNEL-006', { program, signal, seconds: seconds(result), why }, cause);
}

function noTable(program: string, table: string | undefined, cause: CommandError): RestoreError {
  const what = table === undefined ? 'a table' : `the table ${table}`;
  const module = `iptable_${table ?? 'nat'}`;
  return new RestoreError('NP-KERNEL-005', { program, what, module, service: '' }, cause);
}

function lineError(
  { program, result, lines }: FailedRun,
  refusal: Extract<Refusal, { kind: 'line' | 'no-chain' }>,
  cause: CommandError,
): RestoreError {
  const refused = refusal.kind === 'line' ? findLine(lines, refusal.line) : findJump(lines, refusal);
  const service = refused.service === undefined ? '' : ` (service ${refused.service})`;
  const extension = missingExtensions(result.stderr).find((name) => mentions(refused, name));
  if (extension !== undefined) {
    const parameters = {
      program,
      what: `the match or target ${extension}`,
      module: `xt_${extension}`,
      service,
    };
    return new RestoreError('NP-KERNEL-005', parameters, cause, refused);
  }
  const reason =
    refusal.kind === 'line' ? refusal.reason || guess(refused) : `there is no chain ${refusal.chain}`;
  const before = refused.committed.length === 0 ? '' : `, but ${refused.committed.join(', ')} before it was`;
  const { number: line, table, text } = refused;
  return new RestoreError(
    'NP-KERNEL-004',
    { program, line, service, reason, text, table, before },
    cause,
    refused,
  );
}

/** A COMMIT stands for all lines of its table, so a missing extension explains it wherever it is used. */
function mentions({ text }: RefusedLine, extension: string): boolean {
  const words = `${text} `;
  return text === 'COMMIT' || words.includes(` -m ${extension} `) || words.includes(` -j ${extension} `);
}

/** Legacy names the line and gives no reason. What can be wrong with a line of its kind, as far as libiptc checks it by itself. */
function guess({ text, table }: RefusedLine): string {
  if (text === 'COMMIT')
    return `the kernel refused a rule of the ${table} table, and iptables-legacy does not say which`;
  if (text.startsWith('-X')) return 'there is no such chain, or it holds rules, or a rule jumps to it';
  if (text.startsWith('-D')) return 'there is no such rule';
  return 'there is no such chain';
}

function findLine(lines: Iterable<Line>, wanted: number): RefusedLine {
  let last: RefusedLine = { number: wanted, table: '', committed: [], text: '', service: undefined };
  for (const line of numbered(lines)) {
    if (line.number === wanted) return line;
    last = line;
  }
  return { ...last, number: wanted, text: '', service: undefined };
}

/** The first rule before the refused COMMIT that jumps to the chain; the COMMIT itself if there is none. */
function findJump(
  lines: Iterable<Line>,
  refusal: { readonly chain: string; readonly line: number },
): RefusedLine {
  const commit = findLine(lines, refusal.line);
  for (const line of numbered(lines)) {
    if (line.table === commit.table && line.text.endsWith(` -j ${refusal.chain}`)) return line;
  }
  return commit;
}

function* numbered(lines: Iterable<Line>): Generator<RefusedLine> {
  let number = 0;
  let table = '';
  let committed: readonly string[] = [];
  for (const { text, service } of lines) {
    number += 1;
    if (text.startsWith('*')) table = text.slice(1);
    yield { number, table, committed, text, service };
    if (text === 'COMMIT') committed = [...committed, table];
  }
}
