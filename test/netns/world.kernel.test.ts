import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { families } from '../../src/model/address.ts';
import type { TrafficProtocol } from './actor.ts';
import { clientAddressNumber, clusterIP } from './addresses.ts';
import { canMakeWorlds } from './can-make-worlds.ts';
import { createWorld, planPod, type World } from './world.ts';

const possible = await canMakeWorlds();
const protocols: readonly TrafficProtocol[] = ['TCP', 'UDP'];
const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));

if (possible.ok) describe('worlds', worlds);
else it('worlds', (context) => context.skip(possible.reason));

function worlds(): void {
  describe.each(['routed', 'bridge'] as const)('with %s pods', (links) => {
    let world: World;

    beforeAll(async () => {
      world = await createWorld({ links });
      await Promise.all(world.pods.map((pod) => world.listen(pod, { ports: [80] })));
    });
    afterAll(() => world?.close());

    it.each(combinations)(
      '$family $protocol: everybody reaches every pod, as himself',
      async ({ family, protocol }) => {
        const pairs = ['client', 'node-a', 'p1', 'p2'].flatMap((from) =>
          world.pods.map((to) => ({ from, to })),
        );
        const seen = await Promise.all(
          pairs.map(async ({ from, to }) => {
            const [result] = await world.dial(from, { protocol, to: world.address(to, family), port: 80 });
            return { from, to, result };
          }),
        );
        for (const { from, to, result } of seen) {
          expect(result, `${from} to ${to}`).toMatchObject({
            outcome: 'answered',
            server: to,
            address: world.address(to, family),
            source: world.address(from, family),
          });
        }
      },
    );

    it.each(combinations)(
      '$family $protocol: a port without a server refuses, each time',
      async ({ family, protocol }) => {
        for (const [from, to] of [
          ['client', 'node-a'],
          ['client', 'p1'],
          ['p1', 'r1'],
          ['node-a', 'p2'],
        ] as const) {
          const dial = { protocol, to: world.address(to, family), port: 81, count: 20 };
          const outcomes = (await world.dial(from, dial)).map(({ outcome }) => outcome);
          expect(new Set(outcomes), `${from} to ${to}`).toEqual(new Set(['refused']));
        }
      },
    );

    it.each(combinations)(
      '$family $protocol: a service address that no rule knows gets no answer and leaves node-a',
      async ({ family, protocol }) => {
        const to = clusterIP(77, family);
        const places = ['client', 'p1', 'node-a'];
        const dial = { protocol, to, port: 80, timeoutMilliseconds: 200 };
        const results = await Promise.all(places.map((place) => world.dial(place, dial)));
        expect(results.flat().map(({ outcome }) => outcome)).toEqual(['timeout', 'timeout', 'timeout']);
        const escaped = await world.escaped();
        for (const place of places) {
          expect(escaped).toContainEqual({ source: world.address(place, family), to, protocol, port: 80 });
        }
      },
    );

    it.each(families)('%s: the client dials from any address of its network', async (family) => {
      const sources = Array.from({ length: 40 }, (_, index) => clientAddressNumber(index + 100, family));
      const results = await world.dial('client', {
        to: world.address('r2', family),
        port: 80,
        sources,
        count: sources.length,
      });
      const seen = results.map((result) => result.outcome === 'answered' && result.source);
      expect(seen).toEqual(sources);
    });

    it('adds and removes pods and addresses', async () => {
      await world.addPod(planPod('p9', 'node-a', 8));
      await world.addPod(planPod('r9', 'node-b', 8));
      for (const pod of ['p9', 'r9']) await world.listen(pod, { ports: [80] });
      for (const pod of ['p9', 'r9']) {
        const [result] = await world.dial('client', { to: world.address(pod, 'IPv6'), port: 80 });
        expect(result).toMatchObject({ outcome: 'answered', server: pod });
        await world.removePod(pod);
      }
      for (const place of ['node-a', 'node-b', 'p1']) {
        const addresses = ['192.0.2.200', '2001:db8:192::200'];
        for (const address of addresses) await world.addAddress(place, address);
        await world.listen(place, { ports: [80], addresses });
        for (const address of addresses) {
          const [result] = await world.dial('client', { to: address, port: 80 });
          expect(result).toMatchObject({ outcome: 'answered', server: place, address });
        }
        for (const address of addresses) await world.removeAddress(place, address);
        await world.closeServers(place, { ports: [80], addresses });
      }
    });
  });

  it('runs programs in a namespace, with its own rules, and flushes what they did', async () => {
    await using world = await createWorld({ localPods: ['p1'], remotePods: [] });
    await world.listen('p1', { ports: [80] });
    const run = world.exec('node-a');
    const rules = (variant: string, family: string, to: string, port: number) =>
      run({
        argv: [`${family}-${variant}-restore`, '--noflush'],
        stdin: [`*nat\n-A PREROUTING -p tcp -d ${to} --dport ${port} -j DNAT --to-destination :80\nCOMMIT\n`],
        timeoutMilliseconds: 10_000,
      });
    for (const [variant, port] of [
      ['legacy', 8001],
      ['nft', 8002],
    ] as const) {
      for (const [program, family] of [
        ['iptables', 'IPv4'],
        ['ip6tables', 'IPv6'],
      ] as const) {
        const to = world.address('p1', family);
        expect(await rules(variant, program, to, port)).toMatchObject({ exitCode: 0, stderr: '' });
        const dial = { to, port, count: 3 };
        expect(await world.dial('client', dial)).toMatchObject(Array(3).fill({ outcome: 'answered' }));
        await world.flush();
        expect(await world.dial('client', dial)).toMatchObject(Array(3).fill({ outcome: 'refused' }));
      }
    }
    const left = await run({
      argv: ['sh', '-c', 'iptables-legacy-save; ip6tables-legacy-save; nft list ruleset; conntrack -L'],
      timeoutMilliseconds: 10_000,
    });
    expect(left.stdout).not.toMatch(/DNAT|dnat/);
  });

  it('starts programs, shares files with them, and hands on how they ended', async () => {
    await using world = await createWorld({ localPods: [], remotePods: [] });
    await writeFile(world.path('/run/greeting'), 'hello');
    const script = 'trap "echo bye; exit 7" TERM; cat /run/greeting; echo; sleep 60 & wait';
    const program = world.start('client', ['sh', '-c', script]);
    await expect.poll(() => program.lines).toContain('hello');
    expect(program.running).toBe(true);
    expect(await program.stop()).toEqual({ exitCode: 7, signal: null });
    expect(program.lines).toEqual(['hello', 'bye']);
    expect(program.running).toBe(false);
  });

  it('counts what becomes of traffic that runs', async () => {
    await using world = await createWorld({ localPods: ['p1'], remotePods: [] });
    await world.listen('p1', { ports: [80] });
    const to = world.address('p1', 'IPv4');
    const traffic = await world.startTraffic('client', { to, port: 80, everyMilliseconds: 2, kept: 2 });
    await expect.poll(async () => (await traffic.count()).answered['p1'] ?? 0).toBeGreaterThan(20);
    await expect.poll(async () => (await traffic.count()).kept[1]?.exchanges ?? 0).toBeGreaterThan(5);
    expect(await traffic.count()).toMatchObject({ failed: [], kept: [{ broken: '' }, { broken: '' }] });
    await world.closeServers('p1', { ports: [80] });
    await expect.poll(async () => (await traffic.count()).failed.length).toBeGreaterThan(3);
    const { failed, kept } = await traffic.stop();
    expect(failed.at(-1)).toMatchObject({ outcome: 'refused', from: world.address('client', 'IPv4') });
    expect(kept.map(({ broken }) => broken)).not.toContain('');
  });

  it('counts long connections as broken whose packets get lost', async () => {
    await using world = await createWorld({ localPods: ['p1'], remotePods: [] });
    await world.listen('p1', { ports: [80] });
    const stream = {
      to: world.address('p1', 'IPv4'),
      port: 80,
      everyMilliseconds: 50,
      timeoutMilliseconds: 1000,
    };
    const traffic = await world.startTraffic('client', { ...stream, kept: 1 });
    await expect.poll(async () => (await traffic.count()).kept[0]?.exchanges ?? 0).toBeGreaterThan(2);
    const argv = ['iptables-nft', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP'] as const;
    expect((await world.exec('p1')({ argv, timeoutMilliseconds: 10_000 })).exitCode).toBe(0);
    const { kept } = await traffic.stop();
    expect(kept).toMatchObject([{ server: 'p1', broken: 'silent' }]);
  });

  it('leaves no process behind when it is closed', async () => {
    const before = await descendants(process.pid);
    const world = await createWorld();
    expect((await descendants(process.pid)).length).toBeGreaterThan(before.length + 5);
    await world.close();
    expect(await descendants(process.pid)).toEqual(before);
  });

  it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'leaves nothing behind when its owner gets %s',
    async (signal) => {
      const mark = `NODEPLANE_WORLD_MARK=${randomUUID()}`;
      const owner = startOwner(mark);
      await once(owner.stdout ?? owner, 'data');
      expect((await marked(mark)).length).toBeGreaterThan(6);
      owner.kill(signal);
      await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
    },
  );
}

function startOwner(mark: string): ChildProcess {
  const [name = '', value] = mark.split('=');
  const program = join(import.meta.dirname, 'own-a-world.mts');
  const tsx = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');
  return spawn(process.execPath, ['--import', tsx, program], {
    env: { ...process.env, [name]: value },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Processes whose environment has it. */
async function marked(mark: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''));
  const found = await Promise.all(environments);
  return pids.filter((_, index) => found[index]?.split('\0').includes(mark));
}

/** All descendants of a process. */
async function descendants(pid: number | string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter((child) => child !== '');
  const deeper = await Promise.all(children.map(descendants));
  return [...children, ...deeper.flat()];
}
