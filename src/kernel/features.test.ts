import { describe, expect, test } from 'vitest';
import { type ScriptedCommand, scriptedExec } from '../../test/kernel/scripted-exec.ts';
import { usualFeatures } from '../rules/iptables/features.ts';
import { missingError, type ProbedFeatures, probeFeatures } from './features.ts';
import { createIptables } from './iptables.ts';
import { ensureCounters } from './nfacct.ts';
import { probes } from './probes.ts';

const command = 'xtables-nft-multi iptables-restore -w 5 --noflush --counters --test';
const noNfacct: ScriptedCommand = { command: 'nfacct list', notFound: true };
const bothCounters = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts']
  .map((name) => `{ pkts = 00000000000000000000, bytes = 00000000000000000000 } = ${name};\n`)
  .join('');

function probe(mayCreateCounters: boolean, ...script: readonly ScriptedCommand[]): Promise<ProbedFeatures> {
  const { exec } = scriptedExec(...script);
  const programs = { variant: 'nft', naming: 'multi', version: '1.8.9' } as const;
  const iptables = createIptables({ exec, programs, family: 'IPv4' });
  return probeFeatures({ exec, iptables, mayCreateCounters });
}

test('one test run when nothing is missing', async () => {
  const { features, missing } = await probe(false, { command }, noNfacct);
  expect(features).toEqual(usualFeatures);
  expect(missing).toEqual([]);
});

test('what only some Services need is a feature, and not missing', async () => {
  const stderr = 'Warning: Extension recent revision 0 not supported, missing kernel module?\n';
  const probed = await probe(false, { command, stderr }, noNfacct);
  expect(probed).toEqual({ features: { ...usualFeatures, recent: false }, missing: [] });
  expect(missingError(probed, 'nodeplane')).toBeUndefined();
});

test('what the programs lack ends the run, and the rest is asked again', async () => {
  const line = 2 + 1 + probes.findIndex(({ name }) => name === 'random-fully');
  const stderr = `iptables-restore v1.6.1: unknown option "--random-fully"\nError occurred at line: ${line}\n`;
  const { features, missing } = await probe(false, { command, exitCode: 2, stderr }, { command }, noNfacct);
  expect(features.randomFully).toBe(false);
  expect(missing).toEqual([]);
});

test('what no rules can do without is NP-KERNEL-005', async () => {
  const stderr = 'Warning: Extension conntrack revision 3 not supported, missing kernel module?\n';
  const probed = await probe(false, { command, stderr }, noNfacct);
  expect(missingError(probed, 'nodeplane')).toMatchObject({
    code: 'NP-KERNEL-005',
    message:
      'The kernel lacks the match or target conntrack (needed for replies, and the firewall of load balancers), which nodeplane asked for.',
    remedy: expect.stringContaining('modprobe xt_conntrack'),
  });
});

test('a refusal that is about something else is thrown on', async () => {
  const stderr = 'Could not fetch rule set generation id: Permission denied (you must be root)\n';
  await expect(probe(false, { command, exitCode: 4, stderr })).rejects.toMatchObject({
    code: 'NP-KERNEL-002',
  });
});

describe('nfacct', () => {
  test('is not used when the kernel has no match for it', async () => {
    const stderr = 'Warning: Extension nfacct revision 0 not supported, missing kernel module?\n';
    expect((await probe(true, { command, stderr })).features.nfacct).toBe(false);
  });

  test('without leave to create counters, it is enough that they could be', async () => {
    expect((await probe(false, { command }, { command: 'nfacct list' })).features.nfacct).toBe(true);
  });

  test('counters that are missing are created', async () => {
    const { exec, left } = scriptedExec(
      { command: 'nfacct list', stdout: bothCounters.split('\n').slice(0, 1).join('\n') },
      { command: 'nfacct add localhost_nps_accepted_pkts' },
      { command: 'nfacct list', stdout: bothCounters },
    );
    expect(await ensureCounters(exec)).toBe(true);
    expect(left()).toEqual([]);
  });

  test('counters that cannot be created are done without', async () => {
    const denied = { exitCode: 1, stderr: 'nfacct v1.0.2: error: Operation not permitted\n' };
    expect(await ensureCounters(scriptedExec({ command: 'nfacct list', ...denied }).exec)).toBe(false);
  });
});
