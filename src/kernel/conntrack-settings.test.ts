import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultConfig } from '../config/defaults.ts';
import { applyConntrackSettings, type ConntrackHost, readConntrackFill } from './conntrack-settings.ts';
import { createSysctls } from './sysctl.ts';

const defaults = defaultConfig.conntrack;
let root = '';
let directory = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodeplane-'));
  directory = join(root, 'net/netfilter');
  mkdirSync(directory, { recursive: true });
});

afterEach(() => rmSync(root, { recursive: true }));

function put(values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) writeFileSync(fileOf(name), `${value}\n`);
}

function fileOf(name: string): string {
  return name === 'hashsize' ? join(root, name) : join(directory, `nf_conntrack_${name}`);
}

function host(cpus: number): ConntrackHost {
  return { sysctls: createSysctls(root), cpus, parameters: createSysctls(root) };
}

function found(): Readonly<Record<string, number>> {
  const names = readdirSync(directory).map((name) => name.replace('nf_conntrack_', ''));
  return Object.fromEntries(
    [...names, 'hashsize'].map((name) => [name, Number(readFileSync(fileOf(name), 'utf8'))]),
  );
}

const fresh = {
  max: 65_536,
  hashsize: 16_384,
  tcp_timeout_established: 432_000,
  tcp_timeout_close_wait: 60,
  tcp_be_liberal: 0,
  udp_timeout: 30,
  udp_timeout_stream: 120,
};

test('the defaults of kube-proxy on a machine with two cores', async () => {
  put(fresh);
  expect(await applyConntrackSettings(defaults, host(2))).toEqual([]);
  expect(found()).toEqual({
    ...fresh,
    max: 131_072,
    hashsize: 32_768,
    tcp_timeout_established: 86_400,
    tcp_timeout_close_wait: 3600,
  });
});

test.each([
  ['the least', 32_768, 131_072, 1, 131_072],
  ['so many per core', 32_768, 131_072, 16, 524_288],
  ['the cap on machines with many cores', 32_768, 131_072, 64, 1_048_576],
  ['a least above the cap, while the cores stay below it', 32_768, 2_000_000, 2, 2_000_000],
  ['the cap where both exceed it', 32_768, 2_000_000, 64, 1_048_576],
])('entries at most: %s', async (_, maxPerCore, min, cpus, expected) => {
  put(fresh);
  await applyConntrackSettings({ ...defaults, maxPerCore, min }, host(cpus));
  expect(found()).toMatchObject({ max: expected, hashsize: expected / 4 });
});

test('a limit that was higher becomes lower, as with kube-proxy, and the hash table stays', async () => {
  put({ ...fresh, max: 3_000_000, hashsize: 750_000 });
  await applyConntrackSettings(defaults, host(2));
  expect(found()).toMatchObject({ max: 131_072, hashsize: 750_000 });
});

test('0 per core leaves the limit and the hash table', async () => {
  put(fresh);
  await applyConntrackSettings({ ...defaults, maxPerCore: 0 }, host(2));
  expect(found()).toMatchObject({ max: 65_536, hashsize: 16_384 });
});

test('what is undefined is left, and all that is asked for is set', async () => {
  put(fresh);
  const nothing = { tcpEstablishedTimeoutSeconds: undefined, tcpCloseWaitTimeoutSeconds: undefined };
  await applyConntrackSettings({ ...defaults, ...nothing, maxPerCore: 0 }, host(2));
  expect(found()).toEqual(fresh);
  const more = { tcpBeLiberal: true, udpTimeoutSeconds: 10, udpStreamTimeoutSeconds: 20 };
  await applyConntrackSettings({ ...defaults, ...more }, host(2));
  expect(found()).toMatchObject({ tcp_be_liberal: 1, udp_timeout: 10, udp_timeout_stream: 20 });
});

test('what has its value already is not written', async () => {
  put({
    ...fresh,
    max: 131_072,
    hashsize: 32_768,
    tcp_timeout_established: 86_400,
    tcp_timeout_close_wait: 3600,
  });
  const files = Object.keys(fresh).map(fileOf);
  for (const file of files) utimesSync(file, 1, 1);
  expect(await applyConntrackSettings(defaults, host(2))).toEqual([]);
  expect(files.map((file) => statSync(file).mtimeMs)).toEqual(files.map(() => 1000));
});

test('each setting that cannot be changed is an error of its own, and the others are set', async () => {
  put({ max: 65_536, tcp_timeout_close_wait: 60 });
  const errors = await applyConntrackSettings(defaults, host(2));
  expect(errors).toMatchObject([
    { code: 'NP-KERNEL-008', message: expect.stringContaining('nf_conntrack_tcp_timeout_established') },
    { code: 'NP-KERNEL-008', message: expect.stringContaining('hashsize') },
  ]);
  expect(Number(readFileSync(fileOf('max'), 'utf8'))).toBe(131_072);
  expect(Number(readFileSync(fileOf('tcp_timeout_close_wait'), 'utf8'))).toBe(3600);
});

test('how full the table is, unless there is none', async () => {
  expect(await readConntrackFill(createSysctls(root))).toBeUndefined();
  put({ count: 17, max: 100 });
  expect(await readConntrackFill(createSysctls(root))).toEqual({ entries: 17, max: 100 });
});
