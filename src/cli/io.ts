import { hostname } from 'node:os';
import type { WriteStream } from 'node:tty';

/** The edge of the program: all that the command line reads from the machine and writes to it. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** Aborted by the first SIGINT or SIGTERM, with the signal's name as the reason. */
  readonly signal: AbortSignal;
}

export interface Sink {
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Resolves once the text is gone; text for a reader that has left is thrown away. */
  write(text: string): Promise<void>;
}

/** The real edge. A second signal ends the process at once, as if nobody listened. */
export function processIo(): Io {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort(name));
  return {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    environment: process.env,
    hostname: hostname(),
    signal: controller.signal,
  };
}

function sinkOf(stream: WriteStream): Sink {
  // Each write tells its error to its own caller; without a listener the stream would end the process besides.
  stream.on('error', () => undefined);
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? 80,
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => {
          if (error && !isBrokenPipe(error)) reject(error);
          else resolve();
        });
      }),
  };
}

/** Somebody closed the other end, as `| head` does. */
function isBrokenPipe(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}
