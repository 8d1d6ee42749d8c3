import { familyOf } from '../model/address.ts';
import { parseUdpLine } from './conntrack-line.ts';
import type { Command, CommandResult, Exec } from './exec.ts';

/** The entries of a host without a kernel, as lines of `conntrack -L`, and the program that lists and removes those of UDP. */
export interface FakeConntrack {
  readonly exec: Exec;
  /** Entries that are left. */
  readonly lines: () => readonly string[];
  /** argv of each call, joined by spaces. */
  readonly calls: readonly string[];
}

/** @param interfere called before each call: may throw, or tell how the program ends instead. */
export function fakeConntrack(
  entries: readonly string[],
  interfere: (call: string) => Partial<CommandResult> | undefined = () => undefined,
): FakeConntrack {
  let lines = entries;
  const calls: string[] = [];
  const exec = async (command: Command): Promise<CommandResult> => {
    const call = command.argv.join(' ');
    calls.push(call);
    const end = { ...well, argv: command.argv };
    const other = interfere(call);
    if (other !== undefined) return { ...end, exitCode: 1, ...other };
    const found = lines.filter((line) => passes(line, command.argv));
    await command.onStdout?.(found.map((line) => `${line}\n`).join(''));
    if (command.argv[1] !== '-D') return end;
    lines = lines.filter((line) => !found.includes(line));
    const stderr = `conntrack v1.4.7 (conntrack-tools): ${found.length} flow entries have been deleted.\n`;
    return { ...end, stderr, exitCode: found.length === 0 ? 1 : 0 };
  };
  return { exec, lines: () => lines, calls };
}

const well = {
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  milliseconds: 1,
  stdout: '',
  stderr: '',
} as const satisfies Omit<CommandResult, 'argv'>;

function passes(line: string, argv: readonly string[]): boolean {
  const flow = parseUdpLine(line);
  if (flow === undefined) return false;
  const values: Readonly<Record<string, string | number>> = {
    '-f': familyOf(flow.destination).toLowerCase(),
    '--orig-dst': flow.destination,
    '--orig-port-dst': flow.port,
    '--reply-src': flow.replySource,
    '--reply-port-src': flow.replyPort,
  };
  return Object.entries(values).every(([flag, value]) => {
    const at = argv.indexOf(flag);
    return at < 0 || argv[at + 1] === String(value);
  });
}
