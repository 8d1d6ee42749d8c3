import { NodeplaneError } from '../../src/errors.ts';
import type { Command, CommandResult, Exec } from '../../src/kernel/exec.ts';

/** One command that is expected, and how it ends: well and silent unless said otherwise. */
export interface ScriptedCommand extends Partial<Omit<CommandResult, 'argv'>> {
  /** argv joined by spaces. */
  readonly command: string;
  /** The program does not exist. */
  readonly notFound?: true;
}

export interface ScriptedExec {
  readonly exec: Exec;
  /** Standard input of each command that was run. */
  readonly stdins: readonly string[];
  /** Commands that are expected still. */
  readonly left: () => readonly string[];
}

/** An {@link Exec} that runs nothing and expects exactly these commands, in this order. */
export function scriptedExec(...script: readonly ScriptedCommand[]): ScriptedExec {
  const stdins: string[] = [];
  let position = 0;
  const exec = (command: Command): Promise<CommandResult> => {
    const expected = script[position];
    position += 1;
    const asked = command.argv.join(' ');
    if (expected === undefined || expected.command !== asked)
      return Promise.reject(new Error(`expected ${expected?.command ?? 'no command'}, got ${asked}`));
    if (expected.notFound === true) {
      const parameters = { program: command.argv[0], hint: '', package: command.argv[0] };
      return Promise.reject(new NodeplaneError('NP-KERNEL-001', parameters));
    }
    stdins.push([...(command.stdin ?? [])].join(''));
    const { command: _, notFound: __, ...end } = expected;
    return Promise.resolve({ ...wellAndSilent, argv: command.argv, ...end });
  };
  return { exec, stdins, left: () => script.slice(position).map(({ command }) => command) };
}

const wellAndSilent = {
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  milliseconds: 1,
  stdout: '',
  stderr: '',
} as const;
