import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import { createAllowance } from './allowance.ts';
import type { SyncReport } from './happening.ts';
import type { Log } from './log.ts';

/** A row of failed syncs of a family. */
interface Trouble {
  readonly failures: number;
  readonly since: number;
}

/**
 * One line for each sync that wrote something, none for others. A failure is told whole when it is new, at most three times for a code in a
 * row of failures; then once in five minutes with the number of times; and its end is told.
 */
export function narrateSyncs(log: Log, now: () => number): (report: SyncReport) => void {
  const troubles = new Map<Family, Trouble>();
  const whole = createAllowance({ burst: 5, refillMilliseconds: 300_000, now });
  const again = createAllowance({ burst: 1, refillMilliseconds: 300_000, now });
  const told = new Map<Family, Map<string, Set<string>>>();

  const failed = (report: SyncReport, error: Error): void => {
    const { family } = report;
    const before = troubles.get(family) ?? { failures: 0, since: now() };
    troubles.set(family, { ...before, failures: before.failures + 1 });
    const codes = told.get(family) ?? new Map<string, Set<string>>();
    told.set(family, codes);
    const code = error instanceof NodeplaneError ? error.code : error.name;
    const messages = codes.get(code) ?? new Set<string>();
    codes.set(code, messages);
    const isNew = !messages.has(error.message) && messages.size < 3;
    if (isNew) messages.add(error.message);
    if (isNew && whole(`${family} ${code}`) !== undefined) {
      again(family);
      log.error({ family, code, err: error }, 'the sync failed and will be tried again');
      return;
    }
    const fields = { family, code, failures: before.failures + 1, seconds: secondsSince(before.since, now) };
    if (again(family) === undefined) log.debug({ ...fields, err: error }, 'the sync failed again');
    else log.error(fields, 'the sync still fails and will be tried again');
  };
  const succeeded = (report: SyncReport): void => {
    const { family } = report;
    const trouble = troubles.get(family);
    troubles.delete(family);
    told.delete(family);
    if (trouble !== undefined && whole(`${family} succeeds`) !== undefined) {
      const fields = { family, failures: trouble.failures, seconds: secondsSince(trouble.since, now) };
      log.info(fields, 'the sync succeeds again');
    }
    if (report.cost.steps > 0) log.info(fieldsOf(report), 'synced');
    else log.debug(fieldsOf(report), 'synced, and there was nothing to write');
  };
  return (report) => (report.error === undefined ? succeeded(report) : failed(report, report.error));
}

function fieldsOf({ family, servicePorts, cost, milliseconds, full, quarantined }: SyncReport): object {
  const { steps, lines, bytes } = cost;
  const leftOut = quarantined.length === 0 ? {} : { quarantined: quarantined.length };
  return {
    family,
    servicePorts,
    ...leftOut,
    steps,
    lines,
    bytes,
    milliseconds: Math.round(milliseconds),
    full,
  };
}

function secondsSince(since: number, now: () => number): number {
  return Math.round((now() - since) / 1000);
}
