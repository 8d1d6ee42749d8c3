import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Bed, type BedOptions, tell, until, variants } from './bed.ts';
import { dual } from './objects.ts';
import { hangs, type ProgramName, Programs, uninstall } from './programs.ts';
import { SteadyTraffic } from './traffic.ts';

const quickly = ['--iptables-sync-period', '1s', '--iptables-min-sync-period', '0s'];
const programsOfIPv6: readonly ProgramName[] = ['ip6tables', 'ip6tables-restore', 'ip6tables-save'];

describe.each(variants)('the programs of iptables-%s', (variant) => {
  let bed: Bed;
  let programs: Programs;
  afterEach(async () => {
    await bed.close();
    await programs.remove();
  });

  async function open(options: BedOptions = {}): Promise<void> {
    programs = await Programs.create();
    const stable = dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] });
    const objects = [...stable, ...dual({ name: 'other', vip: 2, pods: ['p1'] })];
    bed = await Bed.open({ variant, objects, before: programs.before, runFlags: quickly, ...options });
  }
  const change = (pod: 'p1' | 'p2' | 'p3') => bed.api.put(...dual({ name: 'other', vip: 2, pods: [pod] }));
  const livez = async () => (await bed.agent.health('/livez')).status;
  const untilLivez = (status: number, milliseconds: number) =>
    until(
      () => `/livez ${status}${bed.tail()}`,
      milliseconds,
      async () => (await livez()) === status,
    );

  it('a hanging iptables-restore: the other family follows, health tells, and it goes on when that was killed', async () => {
    await open();
    await bed.start();
    await bed.untilServed(2, ['p1']);
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    await programs.fail('iptables-restore', hangs);
    await change('p2');
    await bed.untilServed(2, ['p2'], 10_000, { family: 'IPv6' });
    expect(await livez()).toBe(200);
    const ill = await untilLivez(503, 8000);
    expect(ill).toBeGreaterThan(500);
    const { body } = await bed.agent.health('/livez');
    expect(JSON.parse(body)).toMatchObject({
      healthy: false,
      status: { IPv4: { healthy: false }, IPv6: { healthy: true } },
    });
    expect(await bed.answers(2)).toBe('p1');
    // Another change meanwhile, for which the first one is waited for.
    await change('p3');
    await bed.untilServed(2, ['p3'], 10_000, { family: 'IPv6' });
    await programs.heal('iptables-restore');
    await programs.killHanging(bed, 'iptables-restore');
    const recovered = await bed.untilServed(2, ['p3'], 10_000);
    await untilLivez(200, 5000);
    expect(bed.agent.entries('NP-KERNEL-006').length).toBeGreaterThan(0);
    const { failed, broken, answered } = await traffic.stop();
    tell(`iptables-${variant}, restore hung and was killed`, {
      illAfterMs: Math.round(ill),
      recoveredMs: Math.round(recovered),
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
    await bed.untilConverged();
  });

  it('programs that are killed each time, in the middle of their input', async () => {
    await open();
    await bed.start();
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    await programs.fail('iptables-restore', 'head -n 3 > /dev/null; kill -9 $$');
    await change('p2');
    await bed.untilLogged('NP-KERNEL-006');
    await untilLivez(503, 8000);
    await programs.heal('iptables-restore');
    const recovered = await bed.untilServed(2, ['p2'], 10_000);
    await untilLivez(200, 5000);
    const { failed, broken, answered } = await traffic.stop();
    tell(`iptables-${variant}, restore killed each time`, {
      recoveredMs: Math.round(recovered),
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
  });

  it('programs that are not installed yet, and taken away for a while', async () => {
    await open();
    const installThem = await uninstall(bed);
    bed.agent.start();
    await bed.untilLogged('NP-KERNEL-001');
    await untilLivez(503, 10_000);
    await installThem();
    const installed = await bed.untilServed(2, ['p1'], 10_000);
    await untilLivez(200, 5000);
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    const installAgain = await uninstall(bed);
    await change('p2');
    await untilLivez(503, 10_000);
    expect(await bed.answers(2)).toBe('p1');
    await installAgain();
    const recovered = await bed.untilServed(2, ['p2'], 10_000);
    await untilLivez(200, 5000);
    const { failed, broken, answered } = await traffic.stop();
    tell(`iptables-${variant}, not installed`, {
      installedMs: Math.round(installed),
      recoveredMs: Math.round(recovered),
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
    expect(bed.agent.running).toBe(true);
    await bed.untilConverged();
  });

  it('promise 4: one family broken from the start, the other follows, health tells each', async () => {
    await open();
    const refusal = `echo "ip6tables-restore: unable to initialize table 'nat'" >&2; exit 3`;
    for (const program of programsOfIPv6) await programs.fail(program, refusal);
    bed.agent.start();
    await bed.untilServed(1, ['p1', 'r1']);
    for (const pod of ['p2', 'p3', 'p1'] as const) {
      await change(pod);
      await bed.untilServed(2, [pod], 5000);
    }
    await untilLivez(503, 8000);
    expect(JSON.parse((await bed.agent.health('/livez')).body)).toMatchObject({
      status: { IPv4: { healthy: true }, IPv6: { healthy: false } },
    });
    expect(await bed.agent.metric('nodeplane_sync_failures_total', 'IPv4')).toBe(0);
    expect(await bed.agent.metric('nodeplane_sync_failures_total', 'IPv6')).toBeGreaterThan(0);
    for (const program of programsOfIPv6) await programs.heal(program);
    const recovered = await bed.untilServed(2, ['p1'], 10_000, { family: 'IPv6' });
    await untilLivez(200, 5000);
    tell(`iptables-${variant}, ip6tables broken`, { recoveredMs: Math.round(recovered) });
    await bed.untilConverged();
  });
});

describe('another program of iptables-legacy', () => {
  it('holds the lock for a while: the change waits for it, and is made', async () => {
    await using bed = await Bed.open({
      variant: 'legacy',
      objects: dual({ name: 'web', vip: 1, pods: ['p1'] }),
    });
    await bed.start();
    const holder = bed.world.start('node-a', ['flock', '/run/xtables.lock', 'sleep', '4']);
    await setTimeout(200);
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p2'] }));
    const followed = await bed.untilServed(1, ['p2'], 15_000);
    tell('lock held for 4 s', { followedMs: Math.round(followed) });
    expect(followed).toBeGreaterThan(2500);
    expect((await bed.agent.health('/livez')).status).toBe(200);
    expect(bed.agent.entries('"level":"error"')).toEqual([]);
    await holder.stop();
  });
});
