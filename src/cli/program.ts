import type { NodeOptions } from '../agent/options.ts';
import { loadConfig } from '../config/load.ts';
import { NodeplaneError, toError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import { createLog, type Log } from '../observe/log.ts';
import type { Actions } from './actions.ts';
import { failureCode, signalCode } from './exit.ts';
import type { Io } from './io.ts';
import { parse } from './parse.ts';
import { tellable } from './print/error.ts';
import { wantsColour } from './print/page.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Call } from './verb.ts';
import type { Verb } from './verbs.ts';
import { version } from './version.ts';

/** Does what the arguments say; resolves with the exit code and never rejects because of what it was asked to do. */
export async function main(
  argv: readonly string[],
  io: Io,
  loadActions: () => Promise<Actions>,
): Promise<number> {
  try {
    const invocation = parse(argv, version, io.stdout.columns);
    if (invocation.kind === 'call') {
      return await perform(invocation.verb, readSettings(invocation.flags), io, loadActions);
    }
    await (invocation.unasked ? io.stderr : io.stdout).write(invocation.text);
    return invocation.unasked ? 2 : 0;
  } catch (thrown) {
    return fail(argv, io, thrown);
  }
}

async function perform(
  verb: Verb,
  settings: Settings,
  io: Io,
  loadActions: () => Promise<Actions>,
): Promise<number> {
  const host = { nodeName: io.environment['NODE_NAME'], hostname: io.hostname };
  const config = await loadConfig({ file: settings.configFile, flags: settings.config, host });
  const log = logFor(verb, settings, io);
  const reporter = createReporter(io, settings.output);
  const standing = collector();
  const call: Call = {
    actions: await loadActions(),
    settings,
    ...optionsOf(settings, { config, families: settings.families }),
    context: { log, signal: io.signal, onFindings: standing.take },
    print: async (result) => {
      await standing.tell(reporter);
      await reporter.result(result);
    },
  };
  const run = await verb.load();
  try {
    return await run(call);
  } catch (thrown) {
    log.debug({ err: toError(thrown) }, 'the verb failed');
    throw thrown;
  } finally {
    await standing.tell(reporter);
  }
}

function optionsOf(settings: Settings, options: NodeOptions): Pick<Call, 'options' | 'withSource'> {
  return {
    options,
    withSource: () => {
      if (settings.manifests === undefined) throw new NodeplaneError('NP-CLI-001');
      return { ...options, source: { kind: 'manifests', directory: settings.manifests } };
    },
  };
}

/** JSON lines, unless a person looks. Standard output belongs to results. */
function logFor(verb: Verb, settings: Settings, io: Io): Log {
  return createLog({
    level: settings.logLevel ?? (verb.name === 'run' ? 'info' : 'warn'),
    format: io.stderr.isTerminal ? 'lines' : 'json',
    colour: wantsColour(io.stderr.isTerminal, io.environment),
    write: (text) => {
      // A log that cannot be written must not end the agent.
      io.stderr.write(text).catch(() => undefined);
    },
  });
}

interface Collector {
  readonly take: (findings: readonly Finding[]) => void;
  /** Tells what was taken since the last time. */
  readonly tell: (reporter: Reporter) => Promise<void>;
}

function collector(): Collector {
  let findings: readonly Finding[] = [];
  return {
    take: (standing) => {
      findings = standing;
    },
    tell: async (reporter) => {
      const told = findings;
      findings = [];
      if (told.length > 0) await reporter.warnings(told);
    },
  };
}

/** Tells why it failed, unless the user wanted it to end. */
async function fail(argv: readonly string[], io: Io, thrown: unknown): Promise<number> {
  if (io.signal.aborted) return signalCode(io.signal);
  const error = tellable(thrown);
  await createReporter(io, asksForJson(argv) ? 'json' : 'text')
    .error(error)
    .catch(() => undefined);
  return failureCode(argv, error);
}

/** Looks at the words alone, because the command line may be what is wrong. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) => word === '--output=json' || (word === '--output' && argv[index + 1] === 'json'),
  );
}
