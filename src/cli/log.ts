import type { LoggingSettings } from '../config/defaults.ts';
import { createLog, type Log, type LogLevel } from '../observe/log.ts';
import type { Io } from './io.ts';
import { wantsColour } from './print/page.ts';

/** The log of one call, on standard error: standard output belongs to results. */
export function openLog(
  io: Io,
  { verbosity, format }: LoggingSettings,
  levels: { readonly chosen: LogLevel | undefined; readonly usual: LogLevel },
): Log {
  return createLog({
    level: levels.chosen ?? levelOf(verbosity) ?? levels.usual,
    format: (format ?? (io.stderr.isTerminal ? 'text' : 'json')) === 'text' ? 'lines' : 'json',
    colour: wantsColour(io.stderr.isTerminal, io.environment),
    write: (text) => {
      // A log that cannot be written must not end the agent.
      io.stderr.write(text).catch(() => undefined);
    },
  });
}

/** klog's verbosity as Kubernetes uses it: 4 is for debugging, 6 and more show each request. 0 asks for nothing. */
function levelOf(verbosity: number): LogLevel | undefined {
  if (verbosity >= 6) return 'trace';
  if (verbosity >= 4) return 'debug';
  return verbosity > 0 ? 'info' : undefined;
}
