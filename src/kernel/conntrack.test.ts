import { expect, test } from 'vitest';
import type { UdpFlow } from '../routing/udp-flows.ts';
import { createUdpTable } from './conntrack.ts';
import { byLine, parseUdpLine } from './conntrack-line.ts';
import type { Command, CommandResult } from './exec.ts';

const answered =
  'udp      17 29 src=10.1.0.9 dst=10.0.0.1 sport=4000 dport=53 src=10.1.0.2 dst=10.1.0.9 sport=5353 dport=4000 [ASSURED] mark=0 use=1';

test.each([
  ['answered', answered],
  [
    'without an answer, masqueraded, with counters, zones and a secctx',
    'udp      17 29 src=10.1.0.9 dst=10.0.0.1 sport=4000 dport=53 zone-orig=1 packets=1 bytes=60 [UNREPLIED] src=10.1.0.2 dst=192.0.2.1 sport=5353 dport=61000 zone-reply=2 packets=0 bytes=0 mark=0 secctx=x zone=5 use=2',
  ],
])('reads an entry that is %s', (_, line) => {
  const flow = { destination: '10.0.0.1', port: 53, replySource: '10.1.0.2', replyPort: 5353 };
  expect(parseUdpLine(line)).toEqual(flow);
});

test('reads IPv6', () => {
  const line =
    'udp      17 29 src=fd00::9 dst=fd00:1::a sport=4000 dport=53 [UNREPLIED] src=fd00::2 dst=fd00::9 sport=5353 dport=4000 mark=0 use=1';
  const flow = { destination: 'fd00:1::a', port: 53, replySource: 'fd00::2', replyPort: 5353 };
  expect(parseUdpLine(line)).toEqual(flow);
});

test.each([
  'tcp      6 431999 ESTABLISHED src=10.1.0.9 dst=10.0.0.1 sport=4000 dport=53 src=10.1.0.2 dst=10.1.0.9 sport=5353 dport=4000 [ASSURED] mark=0 use=1',
  'udplite  136 29 src=10.1.0.9 dst=10.0.0.1 sport=4000 dport=53 src=10.1.0.2 dst=10.1.0.9 sport=5353 dport=4000 mark=0 use=1',
  'icmp     1 29 src=10.1.0.9 dst=10.0.0.1 type=8 code=0 id=3 src=10.0.0.1 dst=10.1.0.9 type=0 code=0 id=3 mark=0 use=1',
  'udp      17 29 src=10.1.0.9 dst=10.0.0.1',
  '',
])('takes nothing else for one: %s', (line) => {
  expect(parseUdpLine(line)).toBeUndefined();
});

test('lines come whole, wherever the pieces end', () => {
  const lines: string[] = [];
  const take = byLine((line) => lines.push(line));
  for (const piece of ['a', 'b\nc', '\n\nd', 'e\nunfinished']) take(piece);
  expect(lines).toEqual(['ab', 'c', '', 'de']);
});

/** A program that ends each call in turn as told. */
function table(...ends: readonly Partial<CommandResult>[]) {
  const calls: string[] = [];
  const exec = async ({ argv, onStdout }: Command): Promise<CommandResult> => {
    const { stdout = '', ...end } = ends[calls.length] ?? {};
    calls.push(argv.join(' '));
    await onStdout?.(stdout);
    const well = { exitCode: 0, signal: undefined, timedOut: false, milliseconds: 1, stderr: '' };
    return { argv, stdout: '', ...well, ...end };
  };
  return { table: createUdpTable({ exec, family: 'IPv4' }), calls };
}

const said = (text: string) => `conntrack v1.4.7 (conntrack-tools): ${text}\n`;

test('lists what passes the filter', async () => {
  const { table: udp, calls } = table({ stdout: `${answered}\n${answered}\n` });
  const flows: UdpFlow[] = [];
  await udp.list({ destination: '10.0.0.1', port: 53 }, (flow) => flows.push(flow));
  expect(flows).toHaveLength(2);
  expect(calls).toEqual(['conntrack -L -f ipv4 -p udp --orig-dst 10.0.0.1 --orig-port-dst 53']);
});

test('removes, and tells how many', async () => {
  const { table: udp, calls } = table({ stdout: `${answered}\n${answered}\n` });
  expect(await udp.remove({ replySource: '10.1.0.2', replyPort: 5353 })).toBe(2);
  expect(calls).toEqual(['conntrack -D -f ipv4 -p udp --reply-src 10.1.0.2 --reply-port-src 5353']);
});

test('nothing to remove is success, although the program ends with 1', async () => {
  const { table: udp } = table({ exitCode: 1, stderr: said('0 flow entries have been deleted.') });
  expect(await udp.remove({ port: 53 })).toBe(0);
});

test('goes on when an entry ended by itself meanwhile, and gives up when that never ends', async () => {
  const vanished = { exitCode: 1, stderr: said("Operation failed: such conntrack doesn't exist") };
  const { table: udp, calls } = table({ ...vanished, stdout: `${answered}\n` }, { stdout: `${answered}\n` });
  expect(await udp.remove({ port: 53 })).toBe(2);
  expect(calls).toHaveLength(2);
  const never = table(...Array.from({ length: 9 }, () => vanished));
  await expect(never.table.remove({ port: 53 })).rejects.toMatchObject({ code: 'NP-KERNEL-011' });
  expect(never.calls).toHaveLength(5);
});

test.each<[string, Partial<CommandResult>, string]>([
  [
    'what it said',
    { exitCode: 1, stderr: said('Operation failed: Operation not permitted') },
    'listed: Operation failed: Operation not permitted.',
  ],
  [
    'that it took too long',
    { exitCode: undefined, timedOut: true, signal: 'SIGTERM' },
    'listed: conntrack took too long.',
  ],
  ['how it ended', { exitCode: 3 }, 'listed: conntrack ended with exit code 3.'],
])('a failure is NP-KERNEL-011 and tells %s', async (_, end, expected) => {
  const { table: udp } = table(end);
  await expect(udp.list({}, () => undefined)).rejects.toMatchObject({
    code: 'NP-KERNEL-011',
    message: `Connection tracking entries could not be ${expected}`,
  });
});
