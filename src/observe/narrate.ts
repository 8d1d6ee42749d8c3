import { type Allow, createAllowance } from './allowance.ts';
import type { Happening, Observer } from './happening.ts';
import type { Log } from './log.ts';
import { narrateFindings } from './narrate-findings.ts';
import { narrateSource } from './narrate-source.ts';
import { narrateSyncs } from './narrate-syncs.ts';

const namedChains = 10;

/**
 * Tells the log what happens, so that a year without trouble is a year without a line beyond those of real changes. Whatever could be
 * said again and again is said some times, then rarely, with the number of times that it was kept back.
 * @param now milliseconds since any fixed moment.
 */
export function createNarrator(log: Log, now: () => number = () => performance.now()): Observer {
  const allow = createAllowance({ burst: 5, refillMilliseconds: 300_000, now });
  const syncs = narrateSyncs(log, now);
  const findings = narrateFindings(log, now);
  const source = narrateSource(log, allow);

  return (happening) => {
    switch (happening.kind) {
      case 'snapshot-heard': {
        const { services, slices } = happening;
        return log.debug({ services, slices }, 'the cluster changed');
      }
      case 'sync-queued':
      case 'probe-answered':
        return;
      case 'sync-ended':
        return syncs(happening);
      case 'program-ended': {
        const { program, milliseconds, ok } = happening;
        return log.debug({ program, milliseconds: Math.round(milliseconds), ok }, 'a program ended');
      }
      case 'flows-removed':
        return narrateFlows(log, happening);
      case 'findings-stand':
        return findings(happening.findings);
      case 'drift-found':
        return narrateDrift(log, allow, happening);
      case 'source':
        return source(happening.event);
      case 'config-refused':
        return narrateConfig(log, allow, happening);
      case 'listen-failed':
        return narrateListen(log, allow, happening);
    }
  };
}

type Of<Kind extends Happening['kind']> = Extract<Happening, { readonly kind: Kind }>;

function narrateFlows(log: Log, { family, entries, milliseconds }: Of<'flows-removed'>): void {
  const fields = { family, entries, milliseconds: Math.round(milliseconds) };
  if (entries > 0) log.info(fields, 'removed stale UDP flows');
  else log.debug(fields, 'there were no stale UDP flows');
}

function narrateDrift(log: Log, allow: Allow, { family, chains }: Of<'drift-found'>): void {
  const allowed = allow(`drift ${family}`);
  const fields = { family, chains: chains.slice(0, namedChains), count: chains.length };
  if (allowed === undefined) log.debug(fields, 'somebody else changed our rules');
  else log.warn({ ...fields, ...allowed }, 'somebody else changed our rules; they are put back');
}

function narrateConfig(log: Log, allow: Allow, { error }: Of<'config-refused'>): void {
  const allowed = allow('config');
  if (allowed === undefined) log.debug({ err: error }, 'the configuration file is not valid');
  else
    log.error(
      { err: error, ...allowed },
      'the configuration file is not valid; what it said before holds on',
    );
}

/** What the server tries again is told by the server's own rules; here the same error is only kept from filling the log. */
function narrateListen(log: Log, allow: Allow, { server, service, error }: Of<'listen-failed'>): void {
  const allowed = allow(`listen ${server} ${service ?? ''}`);
  const fields = { server, ...(service === undefined ? {} : { service }), err: error };
  if (allowed === undefined) log.debug(fields, 'still cannot listen');
  else log.warn({ ...fields, ...allowed }, 'cannot listen; trying again');
}
