import { NodeplaneError } from '../errors.ts';
import { tableNames } from '../rules/iptables/objects.ts';
import type { Command, CommandResult, Exec } from './exec.ts';
import type { FakeIptables } from './fake.ts';

/**
 * Programs on a host whose kernel is these fakes, one a family and both of one variant: `iptables`, `iptables-restore` and `iptables-save`,
 * under plain, suffixed (`iptables-nft-save`) and multi-call (`xtables-nft-multi iptables-save`) names.
 * @throws NodeplaneError `NP-KERNEL-001` for every other program, those of the other variant included.
 */
export function fakeExec(fake4: FakeIptables, fake6: FakeIptables): Exec {
  return async (command) => {
    const { argv, onStdout } = command;
    const call = readCall(argv, fake4.variant);
    const fake = call?.prefix === 'ip6tables' ? fake6 : fake4;
    if (call === undefined) throw notFound(argv[0]);
    const result = { ...noResult, argv, ...answer(fake, call, command) };
    if (onStdout === undefined) return result;
    await onStdout(result.stdout);
    return { ...result, stdout: '' };
  };
}

const noResult = {
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  milliseconds: 0,
  stdout: '',
  stderr: '',
} as const satisfies Omit<CommandResult, 'argv'>;

interface Call {
  readonly prefix: string;
  readonly program: string;
  readonly flags: readonly string[];
}

function readCall([first = '', ...rest]: readonly string[], variant: string): Call | undefined {
  const name = first.slice(first.lastIndexOf('/') + 1);
  if (name === `xtables-${variant}-multi`) return readCall(rest, variant);
  const match = /^(?<prefix>ip6?tables)(?:-(?<suffix>nft|legacy))?(?:-(?<program>restore|save))?$/.exec(name);
  if (match?.groups === undefined) return undefined;
  const { prefix = '', suffix = variant, program = '' } = match.groups;
  return suffix === variant ? { prefix, program, flags: rest } : undefined;
}

function answer(
  fake: FakeIptables,
  { prefix, program, flags }: Call,
  command: Command,
): Partial<CommandResult> {
  if (flags.includes('--version') || flags.includes('-V')) {
    const backend = fake.variant === 'nft' ? 'nf_tables' : 'legacy';
    return { stdout: `${prefix} v1.8.9 (${backend})\n` };
  }
  if (program === 'restore') {
    const noflush = flags.includes('--noflush') || flags.includes('-n');
    const test = flags.includes('--test') || flags.includes('-t');
    return fake.restore([...(command.stdin ?? [])].join(''), { noflush, test });
  }
  if (program === 'save') return save(fake, flags);
  return { exitCode: 2, stderr: `${prefix} v1.8.9: no command specified\n` };
}

function save(fake: FakeIptables, flags: readonly string[]): Partial<CommandResult> {
  const at = flags.findIndex((flag) => flag === '-t' || flag === '--table');
  if (at < 0) return { stdout: fake.save() };
  const wanted = flags[at + 1] ?? '';
  const table = tableNames.find((name) => name === wanted);
  if (table !== undefined) return { stdout: fake.save(table) };
  const stderr =
    fake.variant === 'nft'
      ? `Table \`${wanted}' does not exist\n`
      : 'iptables-save v1.8.9 (legacy): Cannot initialize: Table does not exist (do you need to insmod?)\n';
  return { exitCode: 1, stderr };
}

function notFound(program: string): NodeplaneError {
  return new NodeplaneError('NP-KERNEL-001', { program, hint: '', package: 'iptables' });
}
