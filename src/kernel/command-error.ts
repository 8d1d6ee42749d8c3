import type { CommandResult } from './exec.ts';

/** A program that ended badly, as the `cause` of the error that says what it means. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly result: CommandResult;
  /** One line without what the program printed: which, how it ended, after how long. */
  readonly shortMessage: string;

  /** `message` is the short one and the first line of standard error. */
  constructor(result: CommandResult) {
    const shortMessage = `${result.argv.join(' ')}: ${describeEnd(result)} after ${seconds(result)} s`;
    const [said] = messageLines(result.stderr);
    super(said === undefined ? shortMessage : `${shortMessage}: ${said}`);
    this.result = result;
    this.shortMessage = shortMessage;
  }

  /** The short message and all of standard error, for the log at level debug. */
  get fullMessage(): string {
    return `${this.shortMessage}\n${this.result.stderr}`.trimEnd();
  }
}

/** Lines of what a program printed, without empty ones and outer white space. */
export function messageLines(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

/** Seconds that the program ran, with one digit. */
export function seconds({ milliseconds }: Pick<CommandResult, 'milliseconds'>): string {
  return (milliseconds / 1000).toFixed(1);
}

function describeEnd({ exitCode, signal, timedOut }: CommandResult): string {
  if (timedOut) return 'timed out';
  return signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`;
}
