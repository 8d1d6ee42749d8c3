import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { supportedFamilies } from './families.ts';
import { createSysctls, ensureRouteLocalnet, isConntrackTcpBeLiberal } from './sysctl.ts';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodeplane-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(root, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

test('sets what is lower, and leaves what is there or higher', async () => {
  const file = put('net/ipv4/conf/all/route_localnet', '0\n');
  const sysctls = createSysctls(root);
  expect(await ensureRouteLocalnet(sysctls)).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('1\n');
  expect(await ensureRouteLocalnet(sysctls)).toBe(false);
  expect(await sysctls.raise('net/ipv4/conf/all/route_localnet', 0)).toBe(false);
  expect(await sysctls.read('net/ipv4/conf/all/route_localnet')).toBe(1);
});

test('sets what is higher too, when it is to be exact', async () => {
  const file = put('net/netfilter/nf_conntrack_max', '9\n');
  const sysctls = createSysctls(root);
  expect(await sysctls.set('net/netfilter/nf_conntrack_max', 5)).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('5\n');
  expect(await sysctls.set('net/netfilter/nf_conntrack_max', 5)).toBe(false);
});

test('a setting that cannot be written is NP-KERNEL-008, and no file is made', async () => {
  const sysctls = createSysctls(root);
  await expect(ensureRouteLocalnet(sysctls)).rejects.toMatchObject({
    code: 'NP-KERNEL-008',
    message: expect.stringContaining('/net/ipv4/conf/all/route_localnet could not be changed to 1: ENOENT'),
  });
  expect(await sysctls.read('net/ipv4/conf/all/route_localnet')).toBeUndefined();
});

test.each([
  ['0\n', false],
  ['1\n', true],
  ['', false],
])('be_liberal %j is %s', async (text, expected) => {
  put('net/netfilter/nf_conntrack_tcp_be_liberal', text);
  expect(await isConntrackTcpBeLiberal(createSysctls(root))).toBe(expected);
});

test('conntrack that is not loaded is not liberal', async () => {
  expect(await isConntrackTcpBeLiberal(createSysctls(root))).toBe(false);
});

test('IPv6 counts when the kernel has it and it is not switched off', async () => {
  const sysctls = createSysctls(root);
  expect(await supportedFamilies(sysctls, root)).toEqual(['IPv4']);
  put('if_inet6', '');
  expect(await supportedFamilies(sysctls, root)).toEqual(['IPv4', 'IPv6']);
  put('net/ipv6/conf/all/disable_ipv6', '1\n');
  expect(await supportedFamilies(sysctls, root)).toEqual(['IPv4']);
});
