import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import { type TableName, tableNames } from '../rules/iptables/objects.ts';
import type { Line } from '../rules/plan.ts';
import type { CommandResult, Exec } from './exec.ts';
import { incompatibleTables, missingExtensions, readRefusal } from './iptables-errors.ts';
import { type IptablesPrograms, programArgv, programName } from './iptables-programs.ts';
import { restoreError } from './restore-error.ts';

/** The rules of one family in this network namespace. */
export interface Iptables {
  readonly family: Family;
  readonly programs: IptablesPrograms;
  /**
   * Applies the lines with `iptables-restore --noflush --counters`; each `*table … COMMIT` is a transaction of its own.
   * @param lines without line ends; iterated again when a line is refused, so no generator that is used up.
   * @throws RestoreError `NP-KERNEL-002` to `-007` and `-009`.
   */
  restore(lines: Iterable<Line>): Promise<void>;
  /**
   * Reads the lines as {@link restore} does and applies nothing. Asks the kernel whether it has each extension, no more:
   * rules that it would refuse pass.
   * @returns names of the extensions that the kernel lacks.
   * @throws RestoreError as restore does.
   */
  test(lines: Iterable<Line>): Promise<readonly string[]>;
  /**
   * What `iptables-save` prints, tables one after the other; iptables-nft adds tables that were not asked for, if it is asked for several.
   * In legacy a table that did not exist is created.
   * @throws RestoreError as restore does. NodeplaneError `NP-KERNEL-010` for a table that iptables-nft cannot read.
   */
  save(tables?: readonly TableName[]): Promise<string>;
  /**
   * Hands on what {@link save} gives, in pieces that end anywhere: that of 10,000 Services is 17 MB. The next piece comes when the promise
   * for the one before is kept.
   * @throws what save and `take` throw.
   */
  read(take: (piece: string) => Promise<void>, tables?: readonly TableName[]): Promise<void>;
}

export interface IptablesOptions {
  readonly exec: Exec;
  readonly programs: IptablesPrograms;
  readonly family: Family;
  /** How long legacy waits for /run/xtables.lock; nft needs no lock. */
  readonly lockSeconds?: number;
  readonly timeoutMilliseconds?: number;
}

/** Bytes-ish of text that go to the program at once; a pipe holds 64 kB. */
const pieceCharacters = 64 * 1024;

/** The programs of one family. Nothing is run before the first call. */
export function createIptables(options: IptablesOptions): Iptables {
  const { family, programs } = options;
  return {
    family,
    programs,
    restore: async (lines) => {
      await restore(options, lines, []);
    },
    test: async (lines) => missingExtensions((await restore(options, lines, ['--test'])).stderr),
    save: (tables) => save(options, tables ?? tableNames),
    read: (take, tables) => read(options, take, tables ?? tableNames),
  };
}

async function restore(
  options: IptablesOptions,
  lines: Iterable<Line>,
  moreFlags: readonly string[],
): Promise<CommandResult> {
  const { exec, family, programs, lockSeconds = 5, timeoutMilliseconds = 300_000 } = options;
  const flags = ['-w', String(lockSeconds), '--noflush', '--counters', ...moreFlags];
  const program = programName(programs.variant, family, 'restore');
  const result = await exec({
    argv: [...programArgv(programs, family, 'restore'), ...flags],
    stdin: joinPieces(lines, program),
    timeoutMilliseconds,
  });
  if (result.exitCode === 0 && !result.timedOut) return result;
  await explainTable(options, result);
  throw restoreError({ program, lockSeconds, result, lines });
}

async function save(options: IptablesOptions, tables: readonly TableName[]): Promise<string> {
  let text = '';
  for (const flags of saveFlags(options, tables)) text += (await runSave(options, flags)).stdout;
  refuseIncompatible(incompatibleTables(text), tables, options.family);
  return text;
}

async function read(
  options: IptablesOptions,
  take: (piece: string) => Promise<void>,
  tables: readonly TableName[],
): Promise<void> {
  const incompatible: string[] = [];
  for (const flags of saveFlags(options, tables)) {
    let line = '';
    await runSave(options, flags, (piece) => {
      const text = line + piece;
      line = text.slice(text.lastIndexOf('\n') + 1);
      if (text.includes('incompatible')) incompatible.push(...incompatibleTables(text));
      return take(piece);
    });
  }
  refuseIncompatible(incompatible, tables, options.family);
}

/**
 * One run for each: iptables-nft fetches everything whatever it is asked for, so that table by table takes three times as long. Without -t,
 * legacy lists nothing and exits with 0 when it may not read the kernel's list of tables.
 */
function saveFlags(
  { programs }: IptablesOptions,
  tables: readonly TableName[],
): readonly (readonly string[])[] {
  if (programs.variant === 'nft' && tables.length > 1) return [[]];
  return tables.map((table) => ['-t', table]);
}

async function runSave(
  { exec, family, programs, lockSeconds = 5, timeoutMilliseconds = 300_000 }: IptablesOptions,
  flags: readonly string[],
  onStdout?: (piece: string) => Promise<void>,
): Promise<CommandResult> {
  const argv = [...programArgv(programs, family, 'save'), ...flags] as const;
  const result = await exec({ argv, timeoutMilliseconds, ...(onStdout === undefined ? {} : { onStdout }) });
  if (result.exitCode === 0 && !result.timedOut) return result;
  throw restoreError({
    program: programName(programs.variant, family, 'save'),
    lockSeconds,
    result,
    lines: [],
  });
}

/** Legacy's restore cannot open a table and does not say why; its save does, and throws here. */
async function explainTable(options: IptablesOptions, result: CommandResult): Promise<void> {
  const refusal = readRefusal(result);
  if (refusal.kind !== 'table') return;
  const table = tableNames.find((name) => name === refusal.table);
  if (table !== undefined) await save(options, [table]);
}

function refuseIncompatible(found: readonly string[], asked: readonly TableName[], family: Family): void {
  const table = asked.find((name) => found.includes(name));
  if (table === undefined) return;
  const nftTable = `${family === 'IPv4' ? 'ip' : 'ip6'} ${table}`;
  throw new NodeplaneError('NP-KERNEL-010', { table, family, nftTable });
}

function* joinPieces(lines: Iterable<Line>, program: string): Generator<string> {
  let piece = '';
  let number = 0;
  for (const { text, service } of lines) {
    number += 1;
    if (text.includes('\n')) throw brokenLine(program, number, text, service);
    piece += `${text}\n`;
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** A line break would smuggle a line in, and shift all numbers after it. */
function brokenLine(
  program: string,
  line: number,
  text: string,
  service: string | undefined,
): NodeplaneError {
  const reason = 'it contains a line break';
  const parameters = { program, line, reason, service: service === undefined ? '' : ` (service ${service})` };
  return new NodeplaneError('NP-KERNEL-004', {
    ...parameters,
    text: JSON.stringify(text),
    table: 'whole',
    before: '',
  });
}
