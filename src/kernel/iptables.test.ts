import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { refusalCases } from '../../test/kernel/refusal-cases.ts';
import { type ScriptedCommand, scriptedExec } from '../../test/kernel/scripted-exec.ts';
import type { Line } from '../rules/plan.ts';
import { CommandError } from './command-error.ts';
import type { Exec } from './exec.ts';
import { createIptables, type Iptables } from './iptables.ts';
import { type IptablesVariant, iptablesVariants } from './iptables-programs.ts';

const restoreNft = 'xtables-nft-multi iptables-restore -w 5 --noflush --counters';
const restoreLegacy = 'xtables-legacy-multi iptables-restore -w 5 --noflush --counters';
const oneRule: readonly Line[] = ['*nat', '-A A -j B', 'COMMIT'].map((text) => ({
  text,
  service: 'ns/a:p/tcp',
}));

function iptables(variant: IptablesVariant, ...script: readonly ScriptedCommand[]): Iptables {
  const programs = { variant, naming: 'multi', version: '1.8.9' } as const;
  return createIptables({ exec: scriptedExec(...script).exec, family: 'IPv4', programs });
}

/** The error of a restore that ends so. */
function restoring(variant: IptablesVariant, end: Omit<ScriptedCommand, 'command'>): Promise<void> {
  const command = variant === 'nft' ? restoreNft : restoreLegacy;
  return iptables(variant, { command, exitCode: 1, ...end }).restore(oneRule);
}

test('sends the lines as they are, in pieces', async () => {
  const { exec, stdins } = scriptedExec({ command: `${restoreNft.replace('iptables-', 'ip6tables-')}` });
  const programs = { variant: 'nft', naming: 'multi', version: '1.8.9' } as const;
  await createIptables({ exec, family: 'IPv6', programs }).restore(oneRule);
  expect(stdins).toEqual(['*nat\n-A A -j B\nCOMMIT\n']);
});

test.each([
  ['multi', 'xtables-nft-multi iptables-save -t nat'],
  ['suffixed', 'iptables-nft-save -t nat'],
  ['plain', 'iptables-save -t nat'],
] as const)('calls programs with %s names', async (naming, command) => {
  const { exec } = scriptedExec({ command, stdout: '*nat\nCOMMIT\n' });
  const programs = { variant: 'nft', naming, version: '1.8.9' } as const;
  expect(await createIptables({ exec, family: 'IPv4', programs }).save(['nat'])).toBe('*nat\nCOMMIT\n');
});

test('saves all three tables when none is named: legacy one by one, nft at once', async () => {
  const script = ['mangle', 'filter', 'nat'].map((table) => ({
    command: `xtables-legacy-multi iptables-save -t ${table}`,
    stdout: `*${table}\n`,
  }));
  expect(await iptables('legacy', ...script).save()).toBe('*mangle\n*filter\n*nat\n');
  const all = { command: 'xtables-nft-multi iptables-save', stdout: '*raw\n*filter\n*nat\n' };
  expect(await iptables('nft', all).save()).toBe('*raw\n*filter\n*nat\n');
});

test('an incompatible table that was not asked for is no matter', async () => {
  const stdout = "*nat\nCOMMIT\n# Table `raw' is incompatible, use 'nft' tool.\n";
  const all = { command: 'xtables-nft-multi iptables-save', stdout };
  expect(await iptables('nft', all).save()).toBe(stdout);
  const ours = { ...all, stdout: stdout.replace('raw', 'filter') };
  await expect(iptables('nft', ours).save()).rejects.toMatchObject({ code: 'NP-KERNEL-010' });
});

test('a table that iptables-nft cannot read is an error, also when it is read in pieces', async () => {
  const command = 'xtables-nft-multi iptables-save -t nat';
  const text = "# Table `nat' is incompatible, use 'nft' tool.\n";
  const exec: Exec = async ({ argv, onStdout }) => {
    for (const piece of [text.slice(0, 9), text.slice(9)]) await onStdout?.(piece);
    return { argv, exitCode: 0, signal: undefined, timedOut: false, milliseconds: 1, stdout: '', stderr: '' };
  };
  const programs = { variant: 'nft', naming: 'multi', version: '1.8.9' } as const;
  const pieces: string[] = [];
  const take = async (piece: string) => void pieces.push(piece);
  const reading = createIptables({ exec, family: 'IPv4', programs }).read(take, ['nat']);
  await expect(reading).rejects.toMatchObject({ code: 'NP-KERNEL-010' });
  expect(pieces.join('')).toBe(text);
  await expect(iptables('nft', { command, stdout: text }).save(['nat'])).rejects.toMatchObject({
    code: 'NP-KERNEL-010',
  });
});

test('a line with a line break in it never reaches the program', async () => {
  const lines = [
    { text: '*nat', service: undefined },
    { text: '-A A\n-F', service: 'ns/a:p/tcp' },
  ];
  const { exec } = scriptedExec({ command: restoreNft });
  const programs = { variant: 'nft', naming: 'multi', version: '1.8.9' } as const;
  await expect(createIptables({ exec, family: 'IPv4', programs }).restore(lines)).rejects.toMatchObject({
    code: 'NP-KERNEL-004',
    message:
      'iptables-restore (nft) refused line 2 (service ns/a:p/tcp): it contains a line break: "-A A\\n-F"',
  });
});

describe('texts that iptables 1.8.9 printed, told again', () => {
  const recorded: unknown = JSON.parse(readFileSync('test/testdata/refusals/iptables-1.8.9.json', 'utf8'));
  const ends = new Map(
    entries(recorded).flatMap(([variant, cases]) =>
      entries(cases).map(([name, end]) => [`${variant} ${name}`, end]),
    ),
  );
  const rows = iptablesVariants.flatMap((variant) => refusalCases.map((each) => ({ ...each, variant })));
  test.each(rows)('$variant: $name', async ({ name, variant, lines, ...told }) => {
    const { code, line, says = '' } = told[variant];
    const { exitCode, stderr } = Object.fromEntries(entries(ends.get(`${variant} ${name}`)));
    const command = variant === 'nft' ? restoreNft : restoreLegacy;
    const refusing = iptables(variant, { command, exitCode: Number(exitCode), stderr: String(stderr) });
    await expect(refusing.restore(lines)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
      ...(line === undefined ? { refused: undefined } : { refused: { number: line } }),
    });
  });
});

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

test('the cause carries the run, in three lengths', async () => {
  const error: unknown = await restoring('nft', {
    exitCode: 4,
    milliseconds: 1234,
    stderr: 'one\n\ntwo\n',
  }).catch((thrown: unknown) => thrown);
  const cause = error instanceof Error ? error.cause : undefined;
  expect(cause).toBeInstanceOf(CommandError);
  expect(cause).toMatchObject({
    shortMessage: `${restoreNft}: exit code 4 after 1.2 s`,
    message: `${restoreNft}: exit code 4 after 1.2 s: one`,
    fullMessage: `${restoreNft}: exit code 4 after 1.2 s\none\n\ntwo`,
    result: { exitCode: 4 },
  });
});

test('exit code 4 of nft is no lock', async () => {
  await expect(restoring('nft', { exitCode: 4, stderr: 'odd\n' })).rejects.toMatchObject({
    code: 'NP-KERNEL-007',
    message: 'iptables-restore (nft) failed: odd',
  });
});

test('a failure without a word tells its exit code', async () => {
  await expect(restoring('legacy', { exitCode: 77 })).rejects.toMatchObject({
    message: 'iptables-restore (legacy) failed: exit code 77 without a message',
  });
});

test.each([
  [
    { timedOut: true, signal: 'SIGTERM', milliseconds: 300_000 },
    'SIGTERM after 300.0 s, the longest it may take.',
  ],
  [{ timedOut: false, signal: 'SIGKILL', milliseconds: 200 }, 'SIGKILL after 0.2 s, and not by nodeplane.'],
])('killed: %j', async (end, says) => {
  await expect(restoring('nft', { ...end, exitCode: undefined })).rejects.toMatchObject({
    code: 'NP-KERNEL-006',
    message: `iptables-restore (nft) was killed by ${says}`,
  });
});

describe('legacy cannot open a table', () => {
  const failing = {
    command: restoreLegacy,
    exitCode: 2,
    stderr:
      "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'\nError occurred at line: 1\n",
  };
  const save = 'xtables-legacy-multi iptables-save -t nat';

  test('and its save says that permission is missing', async () => {
    const stderr = 'iptables-save v1.8.9 (legacy): Cannot initialize: Permission denied (you must be root)\n';
    const asking = iptables('legacy', failing, { command: save, exitCode: 1, stderr });
    await expect(asking.restore(oneRule)).rejects.toMatchObject({ code: 'NP-KERNEL-002' });
  });

  test('and its save says that the kernel has none', async () => {
    const stderr =
      'iptables-save v1.8.9 (legacy): Cannot initialize: Table does not exist (do you need to insmod?)\n';
    const asking = iptables('legacy', failing, { command: save, exitCode: 1, stderr });
    await expect(asking.restore(oneRule)).rejects.toMatchObject({ code: 'NP-KERNEL-005' });
  });

  test('and its save can: then the kernel came late', async () => {
    await expect(iptables('legacy', failing, { command: save }).restore(oneRule)).rejects.toMatchObject({
      code: 'NP-KERNEL-005',
      message: 'The kernel lacks the table nat, which iptables-restore (legacy) asked for.',
    });
  });
});
