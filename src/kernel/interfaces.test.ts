import { expect, test } from 'vitest';
import { scriptedExec } from '../../test/kernel/scripted-exec.ts';
import { readHostFacts } from './interfaces.ts';
import { createSysctls } from './sysctl.ts';

const command = 'ip -oneline address show';
const sysctls = createSysctls('/nonexistent');

test('reads addresses of both families, without peers, once each', async () => {
  const stdout = [
    '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever',
    '1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever',
    '12: eth0.10@if3    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0.10\\       valid_lft forever',
    '12: eth0.10@if3    inet6 fe80::fc:ff:fe00:1/64 scope link \\       valid_lft forever',
    '13: tun0    inet 10.0.0.1 peer 10.0.0.2/32 scope global tun0\\       valid_lft forever',
    '14: br0    inet 192.0.2.2/24 scope global br0\\       valid_lft forever',
    '15: odd    inet6 ::ffff:192.0.2.9/128 scope global \\       valid_lft forever',
    '',
  ].join('\n');
  const { exec } = scriptedExec({ command, stdout });
  const { addresses } = await readHostFacts({ exec, sysctls });
  expect(addresses).toEqual(['10.0.0.1', '127.0.0.1', '192.0.2.2', '192.0.2.9', '::1', 'fe80::fc:ff:fe00:1']);
});

test('a program that fails is an error, not a host without addresses', async () => {
  const stderr = 'Cannot open netlink socket: Operation not permitted\n';
  const { exec } = scriptedExec({ command, exitCode: 1, stderr });
  await expect(readHostFacts({ exec, sysctls })).rejects.toMatchObject({
    code: 'NP-KERNEL-007',
    message: 'ip address show failed: Cannot open netlink socket: Operation not permitted',
  });
});
