import { constants } from 'node:os';
import type { NodeplaneError } from '../errors.ts';

/** Differences were found: kubectl's code, or terraform's when `--detailed-exitcode` asks for it. */
export function differenceCode(detailed: boolean): number {
  return detailed ? 2 : 1;
}

const usageCodes: readonly string[] = ['NP-CLI-001', 'NP-CLI-002', 'NP-CLI-003', 'NP-CLI-004', 'NP-CLI-005'];

/** The command line may be what is wrong, so its words are looked at. */
const detailed = /^--detailed[-_]exitcode(?:=(?:1|t|true))?$/i;

/**
 * 1 for an error, 2 when the command line itself is wrong. For `diff` 1 means differences, so every error is 2; with
 * `--detailed-exitcode` it is the other way round.
 */
export function failureCode(argv: readonly string[], error: Pick<NodeplaneError, 'code'>): number {
  if (argv[0] === 'diff') return argv.some((word) => detailed.test(word)) ? 1 : 2;
  return usageCodes.includes(error.code) ? 2 : 1;
}

/** What a shell makes of a process that ended by the signal: 130 for SIGINT, 143 for SIGTERM. */
export function signalCode(signal: AbortSignal): number {
  return 128 + (signal.reason === 'SIGTERM' ? constants.signals.SIGTERM : constants.signals.SIGINT);
}
