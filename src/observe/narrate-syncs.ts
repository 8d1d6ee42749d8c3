import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import { createAllowance } from './allowance.ts';
import type { SyncReport } from './happening.ts';
import type { Log } from './log.ts';

/** A row of failed syncs of a family. */
interface Trouble {
  readonly since: number;
  readonly failures: number;
  /** Messages that were told whole. */
  readonly told: readonly string[];
}

/** So many different messages of a row are told whole: some name another line each time. */
const maxTold = 5;

/**
 * One line for each sync that wrote something, none for others. A failure is told whole when it is new; one that stays, once in five
 * minutes with the number of times; and its end. What comes and goes all the time is told as rarely.
 */
export function narrateSyncs(log: Log, now: () => number): (report: SyncReport) => void {
  const troubles = new Map<Family, Trouble>();
  const whole = createAllowance({ burst: 5, refillMilliseconds: 300_000, now });
  const again = createAllowance({ burst: 1, refillMilliseconds: 300_000, now });

  const failed = ({ family }: SyncReport, error: Error): void => {
    const { since, failures, told } = troubles.get(family) ?? { since: now(), failures: 0, told: [] };
    const code = error instanceof NodeplaneError ? error.code : error.name;
    const fields = { family, code, failures: failures + 1, seconds: secondsSince(since, now), err: error };
    const isNew = !told.includes(error.message) && told.length < maxTold;
    troubles.set(family, { since, failures: failures + 1, told: isNew ? [...told, error.message] : told });
    const { err: _, ...brief } = fields;
    if (isNew && whole(`${family} ${code}`) !== undefined) {
      again(family);
      log.error(fields, 'the sync failed and will be tried again');
    } else if (again(family) === undefined) log.debug(fields, 'the sync failed again');
    else log.error(brief, 'the sync still fails and will be tried again');
  };
  const succeeded = (report: SyncReport): void => {
    const { family } = report;
    const trouble = troubles.get(family);
    troubles.delete(family);
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
