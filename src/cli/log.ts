import type { LoggingSettings } from '../config/defaults.ts';
import { createLog, type Log, type LogLevel } from '../observe/log.ts';
import type { Io } from './io.ts';
import { wantsColour } from './print/page.ts';

/** The log of one call, and the way to give it other settings while it is in use. */
export interface OpenLog {
  readonly log: Log;
  readonly change: (settings: LoggingSettings) => void;
}

/** Opens it on standard error: standard output belongs to results. */
export function openLog(
  io: Io,
  settings: LoggingSettings,
  levels: { readonly chosen: LogLevel | undefined; readonly usual: LogLevel },
): OpenLog {
  const open = ({ verbosity, format }: LoggingSettings): Log =>
    createLog({
      level: levels.chosen ?? levelOf(verbosity) ?? levels.usual,
      format: (format ?? (io.stderr.isTerminal ? 'text' : 'json')) === 'text' ? 'lines' : 'json',
      colour: wantsColour(io.stderr.isTerminal, io.environment),
      write: (text) => {
        // A log that cannot be written must not end the agent.
        io.stderr.write(text).catch(() => undefined);
      },
    });
  let current = open(settings);
  return {
    log: speakingFor(() => current),
    change: (changed) => {
      current = open(changed);
    },
  };
}

/** klog's verbosity as Kubernetes uses it: 4 is for debugging, 6 and more show each request. 0 asks for nothing. */
function levelOf(verbosity: number): LogLevel | undefined {
  if (verbosity >= 6) return 'trace';
  if (verbosity >= 4) return 'debug';
  return verbosity > 0 ? 'info' : undefined;
}

/** A log that hands each entry to the one that counts now; its children follow too. */
function speakingFor(current: () => Log): Log {
  return {
    trace: (fields, message) => current().trace(fields, message),
    debug: (fields, message) => current().debug(fields, message),
    info: (fields, message) => current().info(fields, message),
    warn: (fields, message) => current().warn(fields, message),
    error: (fields, message) => current().error(fields, message),
    child: (fields) => speakingFor(remembered(current, (log) => log.child(fields))),
  };
}

/** What is made of the log, made anew when it is another one. */
function remembered(current: () => Log, make: (log: Log) => Log): () => Log {
  let [of, made] = [current(), make(current())];
  return () => {
    if (of !== current()) [of, made] = [current(), make(current())];
    return made;
  };
}
