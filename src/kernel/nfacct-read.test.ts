import { describe, expect, it } from 'vitest';
import { scriptedExec } from '../../test/kernel/scripted-exec.ts';
import { readCounters } from './nfacct-read.ts';

describe('readCounters', () => {
  it('reads what `nfacct list` prints, quotas included', async () => {
    const stdout = [
      '{ pkts = 00000000000000000041, bytes = 00000000000000004711 } = ct_state_invalid_dropped_pkts;',
      '{ pkts = 00000000000000000007, bytes = 00000000000000000700, quota = 00000000000000001000, mode = packet, overquota = 0 } = other;',
      '{ pkts = 00000000000000000000, bytes = 00000000000000000000 } = localhost_nps_accepted_pkts;',
      '',
    ].join('\n');
    const { exec } = scriptedExec({ command: 'nfacct list', stdout });
    expect(await readCounters(exec)).toEqual({ invalidDropped: 41, localhostNodePorts: 0 });
  });

  it('says which counter does not exist', async () => {
    const stdout =
      '{ pkts = 00000000000000000003, bytes = 00000000000000000009 } = localhost_nps_accepted_pkts;\n';
    const { exec } = scriptedExec({ command: 'nfacct list', stdout });
    expect(await readCounters(exec)).toEqual({ invalidDropped: undefined, localhostNodePorts: 3 });
  });

  it('says nothing where there is no nfacct, or it fails', async () => {
    expect(await readCounters(scriptedExec({ command: 'nfacct list', notFound: true }).exec)).toBeUndefined();
    const failing = scriptedExec({
      command: 'nfacct list',
      exitCode: 1,
      stderr: 'nfacct: Operation not permitted',
    });
    expect(await readCounters(failing.exec)).toBeUndefined();
  });
});
