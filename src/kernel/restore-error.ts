import { type ErrorCode, NodeplaneError } from '../errors.ts';
import type { Line } from '../rules/plan.ts';
import { CommandError, seconds } from './command-error.ts';
import type { CommandResult } from './exec.ts';
import { missingExtensions, type Refusal, readRefusal } from './iptables-errors.ts';

/** Where in the text that was sent a refusal lies. */
export interface RefusedLine extends Line {
  /** The program's words, or what can be guessed where it gives none. */
  readonly reason: string;
  /** Counted from 1. */
  readonly number: number;
  /** The table that the line belongs to, of which nothing was applied. */
  readonly table: string;
  /** Tables that stood before it in the same text: each was committed by itself and is in force. */
  readonly committed: readonly string[];
}

type NumberedLine = Omit<RefusedLine, 'reason'>;

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
  const found = refusal.kind === 'line' ? findLine(lines, refusal.line) : findJump(lines, refusal);
  const service = found.service === undefined ? '' : ` (service ${found.service})`;
  const extension = missingExtensions(result.stderr).find((name) => mentions(found, name));
  if (extension !== undefined) {
    const parameters = {
      program,
      what: `the match or target ${extension}`,
      module: `xt_${extension}`,
      service,
    };
    const reason = `the kernel lacks ${parameters.what}`;
    return new RestoreError('NP-KERNEL-005', parameters, cause, { ...found, reason });
  }
  const reason =
    refusal.kind === 'line' ? refusal.reason || guess(found) : `there is no chain ${refusal.chain}`;
  const before = found.committed.length === 0 ? '' : `, but ${found.committed.join(', ')} before it was`;
  const { number: line, table, text } = found;
  const parameters = { program, line, service, reason, text, table, before };
  return new RestoreError('NP-KERNEL-004', parameters, cause, { ...found, reason });
}

/** A COMMIT stands for all lines of its table, so a missing extension explains it wherever it is used. */
function mentions({ text }: NumberedLine, extension: string): boolean {
  const words = `${text} `;
  return text === 'COMMIT' || words.includes(` -m ${extension} `) || words.includes(` -j ${extension} `);
}

/** Legacy names the line and gives no reason. What can be wrong with a line of its kind, as far as libiptc checks it by itself. */
function guess({ text, table }: NumberedLine): string {
  if (text === 'COMMIT')
    return `the kernel refused a rule of the ${table} table, and iptables-legacy does not say which`;
  if (text.startsWith('-X')) return 'there is no such chain, or it holds rules, or a rule jumps to it';
  if (text.startsWith('-D')) return 'there is no such rule';
  return 'there is no such chain';
}

function findLine(lines: Iterable<Line>, wanted: number): NumberedLine {
  let last: NumberedLine = { number: wanted, table: '', committed: [], text: '', service: undefined };
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
): NumberedLine {
  const commit = findLine(lines, refusal.line);
  for (const line of numbered(lines)) {
    if (line.table === commit.table && line.text.endsWith(` -j ${refusal.chain}`)) return line;
  }
  return commit;
}

function* numbered(lines: Iterable<Line>): Generator<NumberedLine> {
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
