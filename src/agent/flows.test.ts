import { describe, expect, test, vi } from 'vitest';
import { NodeplaneError } from '../errors.ts';
import type { CommandResult } from '../kernel/exec.ts';
import { fakeConntrack } from '../kernel/fake-conntrack.ts';
import type { ObjectChange } from '../model/change.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { revise } from '../model/revise.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import type { Happening } from '../observe/happening.ts';
import { silentLog } from '../observe/log.ts';
import { createFlowCleaner } from './flows.ts';

/** The snapshot after a UDP Service got these endpoints; undefined deletes it. */
function having(
  pods: readonly string[] | undefined,
  before: Snapshot = emptySnapshot('node-1'),
  { name = 'dns', clusterIP = '10.0.0.1', nodePort = 0 } = {},
): Snapshot {
  const changes: readonly ObjectChange[] = [
    {
      kind: 'Service',
      key: `shop/${name}`,
      object: pods && {
        namespace: 'shop',
        name,
        uid: undefined,
        type: 'NodePort',
        clusterIPs: [clusterIP],
        externalIPs: [],
        loadBalancerIPs: [],
        loadBalancerSourceRanges: [],
        ports: [{ name: 'dns', protocol: 'UDP', port: 53, nodePort }],
        affinitySeconds: undefined,
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
        healthCheckNodePort: 0,
      },
    },
    {
      kind: 'EndpointSlice',
      key: `shop/${name}-a`,
      object: pods && {
        namespace: 'shop',
        name: `${name}-a`,
        serviceName: name,
        family: 'IPv4',
        lastChangeTriggerTime: undefined,
        ports: [{ name: 'dns', protocol: 'UDP', port: 5353, endpoints: pods.map(endpointOf) }],
      },
    },
  ];
  return revise(before, changes);
}

function endpointOf(address: string): Endpoint {
  const conditions = { ready: true, serving: true, terminating: false };
  const place = { nodeName: undefined, zone: undefined, forNodes: [], forZones: [] };
  return { address, port: 5353, ...conditions, ...place };
}

function entry(destination: string, replySource: string, client = 4000): string {
  return `udp      17 29 src=10.1.0.9 dst=${destination.replace(':', ` sport=${client} dport=`)} src=${replySource} dst=10.1.0.9 sport=5353 dport=${client} mark=0 use=1`;
}

/** Time that stands still until it is moved. */
function stoppedClock() {
  let now = 0;
  const waiting = new Map<object, { readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after(milliseconds: number, callback: () => void) {
      const key = {};
      waiting.set(key, { at: now + milliseconds, callback });
      return () => waiting.delete(key);
    },
    advance(milliseconds: number) {
      now += milliseconds;
      for (const [key, { at, callback }] of waiting) {
        if (at > now) continue;
        waiting.delete(key);
        callback();
      }
    },
    waiting: () => waiting.size,
  };
}

function cleaner(
  entries: readonly string[],
  interfere?: (call: string) => Partial<CommandResult> | undefined,
) {
  const conntrack = fakeConntrack(entries, interfere);
  const happenings: Happening[] = [];
  const warnings: unknown[] = [];
  const clock = stoppedClock();
  const flows = createFlowCleaner({
    exec: conntrack.exec,
    observe: (happening) => happenings.push(happening),
    log: { ...silentLog, warn: (fields) => warnings.push(fields) },
    clock,
    random: () => 0,
  });
  return { ...conntrack, flows, happenings, warnings, clock };
}

const removedNothing = { kind: 'flows-removed', family: 'IPv4', entries: 0 };

test('UDP: the flows of an endpoint that is gone go, those to one that serves stay', async () => {
  const stays = entry('10.0.0.1:53', '10.1.0.1', 1);
  const { flows, happenings, lines, calls } = cleaner([stays, entry('10.0.0.1:53', '10.1.0.2', 2)]);
  const before = having(['10.1.0.1', '10.1.0.2']);
  flows.programmed('IPv4', before);
  expect(calls, 'it goes on in the background').toHaveLength(1);
  await vi.waitFor(() => expect(happenings).toMatchObject([removedNothing]));
  const next = cleaner(lines());
  next.flows.programmed('IPv4', having(['10.1.0.1'], before));
  await vi.waitFor(() => expect(next.happenings).toMatchObject([{ ...removedNothing, entries: 1 }]));
  expect(next.lines()).toEqual([stays]);
});

test('nothing is called when no UDP Service changed', async () => {
  const { flows, calls, happenings, clock } = cleaner([]);
  const snapshot = having(['10.1.0.1']);
  flows.programmed('IPv4', snapshot);
  await vi.waitFor(() => expect(happenings).toHaveLength(1));
  flows.programmed('IPv4', snapshot);
  flows.programmed('IPv4', having(['10.1.0.1', '10.1.0.2'], snapshot));
  clock.advance(100_000);
  expect(calls).toHaveLength(1);
});

test('changes in quick succession are one more run, which knows of all of them', async () => {
  const { flows, happenings, lines, clock, calls } = cleaner([entry('10.0.0.1:53', '10.1.0.3')]);
  const first = having(['10.1.0.1', '10.1.0.3']);
  const second = having(['10.1.0.1'], first);
  const third = having(['10.1.0.1', '10.1.0.3'], second);
  flows.programmed('IPv4', first);
  await vi.waitFor(() => expect(happenings).toHaveLength(1));
  flows.programmed('IPv4', second);
  flows.programmed('IPv4', third);
  flows.programmed('IPv4', second);
  expect(calls).toHaveLength(1);
  clock.advance(1000);
  await vi.waitFor(() => expect(happenings).toHaveLength(2));
  expect(lines()).toEqual([]);
  expect(calls).toHaveLength(3);
});

test('an endpoint that serves again by the time of removal keeps its flows', async () => {
  const line = entry('10.0.0.1:53', '10.1.0.2');
  const first = having(['10.1.0.1']);
  const { flows, happenings, lines, calls } = cleaner([line]);
  flows.programmed('IPv4', first);
  flows.programmed('IPv4', having(['10.1.0.1', '10.1.0.2'], first));
  await vi.waitFor(() => expect(happenings).toMatchObject([removedNothing]));
  expect(lines()).toEqual([line]);
  expect(calls).toHaveLength(1);
});

test('a place where nobody serves takes one call, whoever answered there', async () => {
  const { flows, happenings, calls } = cleaner(
    ['10.1.0.1', '10.1.0.2', '10.1.0.3'].map((pod) => entry('10.0.0.1:53', pod)),
  );
  flows.programmed('IPv4', having([]));
  await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 3 }]));
  expect(calls).toEqual([
    'conntrack -L -f ipv4 -p udp --orig-dst 10.0.0.1 --orig-port-dst 53',
    'conntrack -D -f ipv4 -p udp --orig-dst 10.0.0.1 --orig-port-dst 53',
  ]);
});

test('flows of many Services go by one listing, those with most entries first', async () => {
  const names = ['a', 'b', 'c'];
  const snapshot = names.reduce(
    (before, name, index) => having(['10.1.0.1'], before, { name, clusterIP: `10.0.0.${index + 1}` }),
    emptySnapshot('node-1'),
  );
  const stale = [1, 3, 2].flatMap((count, index) =>
    Array.from({ length: count }, (_, client) => entry(`10.0.0.${index + 1}:53`, '10.1.0.7', client)),
  );
  const { flows, happenings, calls } = cleaner(stale);
  flows.programmed('IPv4', snapshot);
  await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 6 }]));
  expect(calls.map((call) => /--orig-dst (\S+)/.exec(call)?.[1])).toEqual([
    undefined,
    '10.0.0.2',
    '10.0.0.3',
    '10.0.0.1',
  ]);
});

test('a long run gives way to what changed meanwhile, and comes back to what it left', async () => {
  let between = (): void => undefined;
  const entries = [
    entry('10.0.0.1:53', '10.1.0.7', 1),
    entry('10.0.0.1:53', '10.1.0.7', 2),
    entry('10.0.0.1:53', '10.1.0.8', 3),
    ...[4, 5, 6].map((client) => entry('10.0.0.2:53', '10.1.0.9', client)),
  ];
  const { flows, happenings, lines, clock, calls } = cleaner(entries, (call) => {
    if (call.includes(' -D ')) between();
    return undefined;
  });
  const first = having(['10.1.0.1']);
  between = () => {
    between = () => undefined;
    clock.advance(6000);
    flows.programmed('IPv4', having(['10.1.0.1'], first, { name: 'other', clusterIP: '10.0.0.2' }));
  };
  flows.programmed('IPv4', first);
  await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 2, milliseconds: 6000 }]));
  expect(calls).toHaveLength(2);
  await vi.waitFor(() => expect(clock.waiting()).toBe(1));
  clock.advance(1000);
  await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 2 }, { entries: 4 }]));
  expect(calls.slice(2).map((call) => /-L|--reply-src \S+/.exec(call)?.[0])).toEqual([
    '-L',
    '--reply-src 10.1.0.9',
    '--reply-src 10.1.0.8',
  ]);
  expect(lines()).toEqual([]);
});

describe('flows to a NodePort', () => {
  const local = entry('192.0.2.1:30053', '10.1.0.2');
  const passing = entry('203.0.113.7:30053', '203.0.113.7');
  const snapshot = having(['10.1.0.1'], undefined, { nodePort: 30_053 });
  const route = (call: string) =>
    call.startsWith('ip ') ? { exitCode: 0, stdout: 'local 192.0.2.1 dev eth0 proto kernel\n' } : undefined;

  test('go when they are to an address of this node; those that only pass through stay', async () => {
    const { flows, happenings, lines } = cleaner([local, passing], route);
    flows.programmed('IPv4', snapshot);
    await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 1 }]));
    expect(lines()).toEqual([passing]);
  });

  test('stay when the addresses of the node cannot be read, and are tried again', async () => {
    let broken = true;
    const { flows, happenings, lines, warnings, clock } = cleaner(
      [local, entry('10.0.0.1:53', '10.1.0.2')],
      (call) => (broken && call.startsWith('ip ') ? { stderr: 'no' } : route(call)),
    );
    flows.programmed('IPv4', snapshot);
    await vi.waitFor(() => expect(happenings).toMatchObject([{ entries: 1 }]));
    expect(lines()).toEqual([local]);
    expect(warnings).toMatchObject([{ err: { code: 'NP-KERNEL-007' } }]);
    broken = false;
    await vi.waitFor(() => expect(clock.waiting()).toBe(1));
    clock.advance(2000);
    await vi.waitFor(() => expect(lines()).toEqual([]));
  });
});

test('what failed is tried again after a wait, and told once', async () => {
  let failures = 3;
  const { flows, happenings, lines, warnings, clock, calls } = cleaner(
    [entry('10.0.0.1:53', '10.1.0.2')],
    (call) => (call.includes(' -D ') && failures-- > 0 ? { stderr: 'Operation not permitted' } : undefined),
  );
  flows.programmed('IPv4', having(['10.1.0.1']));
  for (const wait of [2000, 4000, 8000]) {
    await vi.waitFor(() => expect(clock.waiting()).toBe(1));
    const before = calls.length;
    clock.advance(wait - 1);
    expect(calls).toHaveLength(before);
    clock.advance(1);
    expect(calls).toHaveLength(before + 1);
  }
  await vi.waitFor(() => expect(lines()).toEqual([]));
  expect(warnings).toMatchObject([{ family: 'IPv4', err: { code: 'NP-KERNEL-011' } }]);
  expect(happenings).toMatchObject([{ entries: 0 }, { entries: 0 }, { entries: 0 }, { entries: 1 }]);
});

test('without the program one warning for both families, no retry, and all is looked at once it is there', async () => {
  let missing = true;
  const { flows, happenings, lines, warnings, clock, calls } = cleaner(
    [entry('10.0.0.1:53', '10.1.0.2')],
    () => {
      if (missing) throw new NodeplaneError('NP-KERNEL-001', { program: 'conntrack', hint: '' });
      return undefined;
    },
  );
  const first = having(['10.1.0.1']);
  flows.programmed('IPv4', first);
  flows.programmed('IPv6', having([], first));
  await vi.waitFor(() => expect(warnings).toMatchObject([{ err: { code: 'NP-KERNEL-001' } }]));
  await new Promise(setImmediate);
  expect({ waiting: clock.waiting(), happenings, calls: calls.length }).toEqual({
    waiting: 0,
    happenings: [],
    calls: 1,
  });
  missing = false;
  clock.advance(1000);
  flows.programmed('IPv4', having(['10.1.0.5'], first, { name: 'other', clusterIP: '10.0.0.2' }));
  await vi.waitFor(() => expect(lines()).toEqual([]));
  expect(warnings).toHaveLength(1);
});

test('families do not keep each other', async () => {
  const { flows, happenings } = cleaner([], (call) =>
    call.includes('ipv4') ? { stderr: 'broken' } : undefined,
  );
  const both = { name: 'six', clusterIP: 'fd00::1' };
  const snapshot = having(['10.1.0.1'], having(['10.1.0.1'], undefined, both));
  flows.programmed('IPv4', snapshot);
  flows.programmed('IPv6', snapshot);
  await vi.waitFor(() =>
    expect(happenings).toMatchObject([{ family: 'IPv4' }, { family: 'IPv6', entries: 0 }]),
  );
});

test('stop ends what is under way and starts nothing more', async () => {
  const { flows, happenings, calls } = cleaner([entry('10.0.0.1:53', '10.1.0.2')]);
  const snapshot = having(['10.1.0.1']);
  flows.programmed('IPv4', snapshot);
  await flows.stop();
  flows.programmed('IPv4', having([], snapshot));
  expect(calls).toHaveLength(1);
  expect(happenings).toEqual([]);
});
