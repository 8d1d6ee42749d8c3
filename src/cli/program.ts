import type { NodeOptions, SourceOptions } from '../agent/options.ts';
import type { Config } from '../config/defaults.ts';
import { followConfig } from '../config/follow.ts';
import { loadConfig } from '../config/load.ts';
import type { ConfigUpdates } from '../config/updates.ts';
import { toError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { Actions } from './actions.ts';
import { failureCode, signalCode } from './exit.ts';
import type { Io } from './io.ts';
import { openLog } from './log.ts';
import { parse } from './parse.ts';
import { tellable } from './print/error.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { readSettings, type Settings } from './settings.ts';
import { chooseSource, hasSource, identify } from './source.ts';
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
      return await perform(
        invocation.verb,
        readSettings(invocation.flags, invocation.kubeProxy),
        io,
        loadActions,
      );
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
  const host = identify(io);
  const load = (): Promise<Config> => loadConfig({ file: settings.configFile, flags: settings.config, host });
  const config = await load();
  const usual = verb.name === 'run' ? 'info' : 'warn';
  const { log, change } = openLog(io, config.logging, { chosen: settings.logLevel, usual });
  const reporter = createReporter(io, settings.output);
  const standing = collector();
  const options: NodeOptions = { config, families: settings.families };
  const withSource = (): SourceOptions => ({
    ...options,
    source: chooseSource(settings, config, host),
    updates: updatesOf(settings, config, load, change),
  });
  const call: Call = {
    actions: await loadActions(),
    settings,
    options,
    withSource,
    withSourceIfAny: () => (hasSource(settings, config, host) ? withSource() : options),
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

/** Nothing is watched before somebody starts them. What concerns the log is done here. */
function updatesOf(
  { configFile: file }: Settings,
  current: Config,
  load: () => Promise<Config>,
  changeLog: (logging: Config['logging']) => void,
): ConfigUpdates | undefined {
  if (file === undefined) return undefined;
  const followed = followConfig({ file, current, load });
  return {
    start: (listener) => {
      followed.start({
        changed: (config) => {
          changeLog(config.logging);
          listener.changed(config);
        },
        refused: (error) => listener.refused(error),
      });
    },
    stop: () => followed.stop(),
  };
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
