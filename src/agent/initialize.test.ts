import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, defaultConfig } from '../config/defaults.ts';
import { createSysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import { silentLog } from '../observe/log.ts';
import { type InitializeReport, setKernel } from './initialize.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'np-initialize-'));
  const settings = {
    'sys/net/netfilter/nf_conntrack_max': 1000,
    'sys/net/netfilter/nf_conntrack_tcp_timeout_established': 432_000,
    'sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait': 3600,
    'sys/net/ipv4/conf/all/route_localnet': 0,
    'module/hashsize': 250,
  };
  for (const [name, value] of Object.entries(settings)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${value}\n`);
  }
});
afterEach(() => rm(root, { recursive: true }));

function act(
  change: Partial<Config> = {},
  families: readonly Family[] = ['IPv4', 'IPv6'],
): Promise<InitializeReport> {
  const config = { ...defaultConfig, nodeName: 'n1', ...change };
  const context = { log: silentLog, signal: new AbortController().signal, onFindings: () => undefined };
  const host = {
    sysctls: createSysctls(join(root, 'sys')),
    parameters: createSysctls(join(root, 'module')),
    cpus: 2,
  };
  return setKernel({ config, families }, context, host);
}

const routeLocalnet = { setting: 'net/ipv4/conf/all/route_localnet', value: 1 };

describe('--init-only', () => {
  it('sets what differs, tells what it set, and finds nothing to do the next time', async () => {
    expect((await act()).changed).toEqual([
      { setting: 'net/netfilter/nf_conntrack_max', value: 131_072 },
      { setting: 'net/netfilter/nf_conntrack_tcp_timeout_established', value: 86_400 },
      { setting: 'hashsize', value: 32_768 },
      routeLocalnet,
    ]);
    expect(await readFile(join(root, 'sys/net/netfilter/nf_conntrack_max'), 'utf8')).toBe('131072\n');
    expect((await act()).changed).toEqual([]);
  });

  const { routing } = defaultConfig;
  it.each<[string, Partial<Config>, readonly Family[], boolean]>([
    ['NodePorts everywhere', {}, ['IPv4'], true],
    ['IPv6 alone', {}, ['IPv6'], false],
    ['localhostNodePorts: false', { routing: { ...routing, localhostNodePorts: false } }, ['IPv4'], false],
    ['primary', { routing: { ...routing, nodePortAddresses: { kind: 'primary' } } }, ['IPv4'], false],
    [
      'networks without 127.0.0.1',
      { routing: { ...routing, nodePortAddresses: { kind: 'cidrs', cidrs: ['192.0.2.0/24'] } } },
      ['IPv4'],
      false,
    ],
    [
      'networks with 127.0.0.1',
      { routing: { ...routing, nodePortAddresses: { kind: 'cidrs', cidrs: ['127.0.0.0/8'] } } },
      ['IPv4'],
      true,
    ],
  ])('lets NodePorts answer on 127.0.0.1 only where they are to: %s', async (_, change, families, wanted) => {
    const { changed } = await act(change, families);
    expect(changed.filter(({ setting }) => setting === routeLocalnet.setting)).toEqual(
      wanted ? [routeLocalnet] : [],
    );
  });

  it('fails when something cannot be set, after it has set the rest', async () => {
    await rm(join(root, 'sys/net/netfilter/nf_conntrack_max'));
    await expect(act()).rejects.toMatchObject({
      code: 'NP-KERNEL-008',
      message: expect.stringContaining('nf_conntrack_max'),
    });
    expect(await readFile(join(root, 'sys', routeLocalnet.setting), 'utf8')).toBe('1\n');
  });
});
