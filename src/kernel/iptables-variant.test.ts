import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ScriptedCommand, scriptedExec } from '../../test/kernel/scripted-exec.ts';
import { chooseVariant, type VariantChoice } from './iptables-variant.ts';

const version = { nft: 'iptables v1.8.9 (nf_tables)\n', legacy: 'iptables v1.8.9 (legacy)\n' };
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nodeplane-'));
  mkdirSync(join(directory, 'empty'));
  mkdirSync(join(directory, 'legacy'));
  for (const name of ['ip_tables_names', 'ip6_tables_names']) {
    writeFileSync(join(directory, 'empty', name), '');
    writeFileSync(join(directory, 'legacy', name), name.startsWith('ip_') ? 'nat\nmangle\n' : '');
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Debian's programs: both variants by name, plain iptables is the one given. */
function debian(plain: keyof typeof version): readonly ScriptedCommand[] {
  return [
    { command: 'xtables-nft-multi iptables --version', stdout: version.nft },
    { command: 'xtables-legacy-multi iptables --version', stdout: version.legacy },
    { command: 'iptables --version', stdout: version[plain] },
  ];
}

function save(variant: string, family: 'ip' | 'ip6', table: string, stdout = ''): ScriptedCommand {
  return { command: `xtables-${variant}-multi ${family}tables-save -t ${table}`, stdout };
}

/** All tables, which nft is asked for at once. */
function saveAll(family: 'ip' | 'ip6'): ScriptedCommand {
  return { command: `xtables-nft-multi ${family}tables-save`, stdout: '' };
}

async function choose(
  procNet: 'empty' | 'legacy' | 'none',
  ...script: readonly ScriptedCommand[]
): Promise<Pick<VariantChoice, 'variant' | 'reason'>> {
  const { exec, left } = scriptedExec(...script);
  const { variant, reason } = await chooseVariant({
    exec,
    wanted: 'auto',
    procNet: join(directory, procNet),
  });
  expect(left()).toEqual([]);
  return { variant, reason };
}

const emptyMangle = [save('nft', 'ip', 'mangle'), save('nft', 'ip6', 'mangle')];
const emptyNft = [saveAll('ip'), saveAll('ip6')];

describe("kubelet's hint", () => {
  test('in nft is enough', async () => {
    const hint = ':KUBE-IPTABLES-HINT - [0:0]\n';
    expect(
      await choose(
        'legacy',
        ...debian('legacy'),
        save('nft', 'ip', 'mangle', hint),
        save('nft', 'ip6', 'mangle'),
      ),
    ).toEqual({
      variant: 'nft',
      reason: 'kubelet keeps its chain KUBE-IPTABLES-HINT there',
    });
  });

  test('in legacy is looked for in tables that are loaded', async () => {
    const canary = save('legacy', 'ip', 'mangle', ':KUBE-KUBELET-CANARY - [0:0]\n');
    expect(await choose('legacy', ...debian('nft'), ...emptyMangle, canary)).toEqual({
      variant: 'legacy',
      reason: 'kubelet keeps its chain KUBE-KUBELET-CANARY there',
    });
  });
});

describe('without a hint', () => {
  const legacyTables = (nat: string): readonly ScriptedCommand[] => [
    save('legacy', 'ip', 'mangle'),
    ...emptyNft,
    save('legacy', 'ip', 'mangle'),
    save('legacy', 'ip', 'nat', nat),
  ];

  test('KUBE- chains decide', async () => {
    const kube = ':KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n';
    expect(await choose('legacy', ...debian('nft'), ...emptyMangle, ...legacyTables(kube))).toEqual({
      variant: 'legacy',
      reason: 'it holds 2 KUBE- chains, the other one 0',
    });
  });

  test('else rules', async () => {
    const rules = ':POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\n';
    expect(await choose('legacy', ...debian('nft'), ...emptyMangle, ...legacyTables(rules))).toEqual({
      variant: 'legacy',
      reason: 'it holds 1 rules, the other one 0',
    });
  });

  test.each(['empty', 'none'] as const)('else plain iptables (/proc/net: %s)', async (procNet) => {
    expect(await choose(procNet, ...debian('legacy'), ...emptyMangle, ...emptyNft)).toEqual({
      variant: 'legacy',
      reason: 'plain iptables on this host is this variant',
    });
  });

  test('else nft', async () => {
    const nameless = debian('nft').map((each) =>
      each.command.startsWith('iptables') ? { command: each.command, notFound: true as const } : each,
    );
    expect(await choose('empty', ...nameless, ...emptyMangle, ...emptyNft)).toEqual({
      variant: 'nft',
      reason: 'nothing on this host speaks for either',
    });
  });
});

test('a kernel without nf_tables holds nothing there', async () => {
  const broken = [...emptyMangle, ...emptyMangle.slice(0, 0)].map((each) => ({
    ...each,
    exitCode: 1,
    stderr: 'iptables-save v1.8.9 (nf_tables): Failed to initialize nft: Protocol not supported\n',
  }));
  const canary = save('legacy', 'ip', 'mangle', ':KUBE-KUBELET-CANARY - [0:0]\n');
  expect(await choose('legacy', ...debian('nft'), ...broken, canary)).toMatchObject({ variant: 'legacy' });
});

test('missing permission is an error, not a guess', async () => {
  const stderr =
    'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n';
  const denied = { ...save('nft', 'ip', 'mangle'), exitCode: 4, stderr };
  await expect(choose('legacy', ...debian('nft'), denied)).rejects.toMatchObject({ code: 'NP-KERNEL-002' });
});

test('what is asked for is taken without looking', async () => {
  const { exec } = scriptedExec(...debian('nft'));
  expect(await chooseVariant({ exec, wanted: 'legacy' })).toMatchObject({
    variant: 'legacy',
    reason: 'the configuration says so',
  });
});

describe('when only plain iptables is installed', () => {
  const missing = [
    'xtables-nft-multi iptables',
    'iptables-nft',
    'xtables-legacy-multi iptables',
    'iptables-legacy',
  ];
  const script = [
    { command: `${missing[0]} --version`, notFound: true },
    { command: `${missing[2]} --version`, notFound: true },
    { command: `${missing[1]} --version`, notFound: true },
    { command: `${missing[3]} --version`, notFound: true },
  ] as const;

  test('it is taken for what it says it is', async () => {
    const { exec } = scriptedExec(...script, { command: 'iptables --version', stdout: 'iptables v1.6.1\n' });
    expect(await chooseVariant({ exec, wanted: 'auto' })).toEqual({
      variant: 'legacy',
      programs: { variant: 'legacy', naming: 'plain', version: '1.6.1' },
      reason: 'no other variant is installed',
    });
  });

  test('the other one cannot be had', async () => {
    const { exec } = scriptedExec(...script, { command: 'iptables --version', stdout: version.legacy });
    await expect(chooseVariant({ exec, wanted: 'nft' })).rejects.toMatchObject({
      code: 'NP-KERNEL-001',
      message: 'The program iptables-nft was not found.',
    });
  });

  test('without it there is nothing', async () => {
    const { exec } = scriptedExec(...script, { command: 'iptables --version', notFound: true });
    await expect(chooseVariant({ exec, wanted: 'auto' })).rejects.toMatchObject({
      code: 'NP-KERNEL-001',
      message: 'The program iptables was not found, under this or any other name.',
    });
  });
});
