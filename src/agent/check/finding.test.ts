import { describe, expect, it } from 'vitest';
import { NodeplaneError } from '../../errors.ts';
import { type CheckFinding, obstacle } from './finding.ts';

const lock = new NodeplaneError('NP-KERNEL-003', { seconds: 5 });
const denied = new NodeplaneError('NP-KERNEL-002', { program: 'iptables-save' });
const warning: CheckFinding = { severity: 'warning', error: lock };

describe('what stands in the way', () => {
  it('is nothing without an error', () => {
    expect(obstacle([])).toBeUndefined();
    expect(obstacle([warning])).toBeUndefined();
  });

  it('is the error itself when it is the only one', () => {
    expect(obstacle([warning, { severity: 'error', error: denied }])).toBe(denied);
  });

  it('is one error that tells all of several', () => {
    const error = obstacle([
      { severity: 'error', error: denied },
      warning,
      { severity: 'error', error: new NodeplaneError('NP-CHECK-003') },
    ]);
    expect(error?.code).toBe('NP-CHECK-001');
    expect(error?.message.split('\n')).toEqual([
      '2 things stand in the way; nothing was changed:',
      'NP-KERNEL-002: iptables-save was refused by the kernel: permission denied.',
      'remedy: Run as root or with CAP_NET_ADMIN (and CAP_NET_RAW for iptables-legacy) in the network namespace of the node.',
      expect.stringMatching(/^NP-CHECK-003: Another nodeplane works on this node and /),
      expect.stringMatching(/^remedy: End the other one/),
    ]);
  });
});
