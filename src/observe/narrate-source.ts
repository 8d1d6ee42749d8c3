import type { SourceEvent } from '../cluster/source-event.ts';
import { NodeplaneError } from '../errors.ts';
import type { Allow } from './allowance.ts';
import type { Log } from './log.ts';

type Resource = SourceEvent['resource'];

/** Tells of the API server: what keeps all resources from being watched is one line when it begins and one when it ends. */
export function narrateSource(log: Log, allow: Allow): (event: SourceEvent) => void {
  const troubles = new Troubles();
  const tellEnded = (ended: Ended | undefined): void => {
    if (ended !== undefined && allow('answers') !== undefined)
      log.info({ ...ended }, 'the API server answers again');
  };
  return (event) => {
    const { resource } = event;
    switch (event.kind) {
      case 'listed': {
        const { how, objects } = event;
        tellEnded(troubles.answered(resource));
        const fields = { resource, how, objects, milliseconds: Math.round(event.milliseconds) };
        const allowed = allow(`listed ${resource}`);
        if (allowed === undefined) log.debug(fields, 'heard all objects');
        else log.info({ ...fields, ...allowed }, 'heard all objects');
        return;
      }
      case 'heard':
        return tellEnded(troubles.answered(resource));
      case 'resumed':
        tellEnded(troubles.answered(resource));
        return log.debug({ resource }, 'the watch goes on');
      case 'failed': {
        const { ended, isKnown } = troubles.failed(resource, causeOf(event.error));
        tellEnded(ended);
        return narrateFailure(log, allow, event, isKnown);
      }
      case 'without':
        return log.info({ resource, reason: event.reason }, 'goes on without a resource');
    }
  };
}

type Failed = Extract<SourceEvent, { kind: 'failed' }>;

function narrateFailure(log: Log, allow: Allow, event: Failed, isKnown: boolean): void {
  const { resource, error, unchanged, retryMilliseconds } = event;
  const fields = { resource, err: error, retryMilliseconds: Math.round(retryMilliseconds) };
  const allowed = unchanged || isKnown ? undefined : allow(`failed ${resource} ${codeOf(error)}`);
  if (allowed === undefined) log.debug(fields, 'the API server still cannot be watched');
  else log.warn({ ...fields, ...allowed }, 'the API server cannot be watched; trying again');
}

function codeOf(error: Error): string {
  return error instanceof NodeplaneError ? error.code : error.name;
}

/** Credentials and permissions are those of one account, whatever the server says about each resource. */
const accountCodes: ReadonlySet<string> = new Set(['NP-API-004', 'NP-API-005']);

/** The same for resources that fail for the same reason: the message without what was asked for. */
function causeOf(error: Error): string {
  const code = codeOf(error);
  if (accountCodes.has(code)) return code;
  return `${code} ${error.message.replace(/\b(?:list|watch) [a-z0-9.]+/g, '')}`;
}

/** Resources that could not be watched, and how often it was tried. */
interface Ended {
  readonly resources: readonly Resource[];
  readonly failures: number;
}

/** What fails now, by cause. */
class Troubles {
  readonly #failing = new Map<Resource, { readonly cause: string; readonly failures: number }>();
  readonly #recovered = new Map<string, Ended>();

  /** @returns whether another resource fails for that cause already, and the trouble that ends because this one has another cause now. */
  failed(
    resource: Resource,
    cause: string,
  ): { readonly ended: Ended | undefined; readonly isKnown: boolean } {
    const before = this.#failing.get(resource);
    const isKnown = [...this.#failing].some(([other, each]) => other !== resource && each.cause === cause);
    const failures = before?.cause === cause ? before.failures : 0;
    this.#failing.set(resource, { cause, failures: failures + 1 });
    const ended = before === undefined || before.cause === cause ? undefined : this.#endOf(before.cause);
    return { ended, isKnown };
  }

  /** @returns the trouble that ends with it: nothing fails for that cause any more. */
  answered(resource: Resource): Ended | undefined {
    const before = this.#failing.get(resource);
    if (before === undefined) return undefined;
    this.#failing.delete(resource);
    const { resources, failures } = this.#recovered.get(before.cause) ?? { resources: [], failures: 0 };
    this.#recovered.set(before.cause, {
      resources: [...new Set([...resources, resource])],
      failures: failures + before.failures,
    });
    return this.#endOf(before.cause);
  }

  #endOf(cause: string): Ended | undefined {
    if ([...this.#failing.values()].some((each) => each.cause === cause)) return undefined;
    const ended = this.#recovered.get(cause);
    this.#recovered.delete(cause);
    return ended;
  }
}
