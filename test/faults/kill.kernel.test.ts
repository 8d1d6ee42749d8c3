import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom } from '../api-server/cluster.ts';
import { Bed, tell, until, variants } from './bed.ts';
import { Churn } from './churn.ts';
import { at, dual } from './objects.ts';
import { SteadyTraffic } from './traffic.ts';

const seed = Number(process.env['NODEPLANE_SEED'] ?? Date.now() % 1_000_000);
const kills = Number(process.env['NODEPLANE_KILLS'] ?? 50);

describe.each(variants)('promise 6 with iptables-%s', (variant) => {
  let bed: Bed;
  afterEach(async () => bed.close());

  it(`SIGKILL at any instruction: no connection fails (${kills} times in the middle of syncs)`, async () => {
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const moving = [{ name: 'moving', vip: 2, stays: 'p3' } as const];
    const objects = [
      ...dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] }),
      ...dual({ name: 'moving', vip: 2, pods: ['p3'] }),
    ];
    bed = await Bed.open({ variant, objects });
    await bed.start();
    await bed.untilServed(1, ['p1', 'r1']);
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    const toMoving = await bed.world.startTraffic('p2', {
      to: at.IPv4.vip(2),
      port: 80,
      everyMilliseconds: 25,
      kept: 1,
    });
    const churn = new Churn(bed.api, { seed, moving });
    const caught = { restoring: 0, beforeFirstSync: 0 };
    const began = performance.now();
    for (let count = 0; count < kills; count++) {
      if (count > 0) bed.agent.start();
      await instants[count % instants.length]?.(bed, random);
      if (bed.agent.entries('"synced"').length === 0) caught.beforeFirstSync += 1;
      if (await isRestoring(await bed.agent.pid())) caught.restoring += 1;
      await bed.agent.stop('SIGKILL');
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    bed.agent.start();
    await bed.untilLogged('"synced"', 30_000);
    await churn.stop();
    const converged = await bed.untilConverged();
    const [steady, moved] = [await traffic.stop(), await toMoving.stop()];
    const { answered, exchanges } = steady;
    tell(`${variant}: killed`, {
      kills,
      ...caught,
      seconds,
      changes: churn.changes,
      answered,
      exchanges,
      failed: steady.failed.length + moved.failed.length,
      convergedMs: Math.round(converged),
    });
    expect(steady.failed).toEqual([]);
    expect(steady.broken).toEqual([]);
    expect(moved.failed).toEqual([]);
    expect(moved.kept.map(({ broken }) => broken)).toEqual(['']);
    expect(answered).toBeGreaterThan(kills * 10);
  }, 240_000);

  it('a restart applies only the difference, and counters of what stays go on', async () => {
    bed = await Bed.open({
      variant,
      objects: [
        ...dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] }),
        ...dual({ name: 'other', vip: 2, pods: ['p2'] }),
      ],
    });
    await bed.start();
    await bed.untilServed(1, ['p1', 'r1']);
    await bed.agent.stop('SIGTERM');
    const counted = await packetsThrough(bed, 'stable');
    expect(counted).toBeGreaterThan(0);

    await bed.start();
    expect(await bed.agent.metric('nodeplane_plan_steps_sum')).toBe(0);
    expect(bed.agent.entries('"synced"')).toEqual([]);
    await bed.agent.stop('SIGTERM');

    await bed.api.put(...dual({ name: 'other', vip: 2, pods: ['p3'] }));
    await bed.start();
    await bed.untilServed(2, ['p3']);
    const services = new Set(
      [...(await bed.agent.page('/debug/plan')).matchAll(/"service":"([^"]*)"/g)].map(([, name]) => name),
    );
    expect([...services].map((name) => name?.split(':')[0])).toEqual(
      services.size === 2 ? ['default/other', 'default/other'] : [],
    );
    expect(await packetsThrough(bed, 'stable')).toBe(counted);
    await until(
      () => 'more packets counted',
      5000,
      async () => {
        await bed.answers(1);
        return (await packetsThrough(bed, 'stable')) > counted;
      },
    );
  });
});

/** When it is killed: while it starts, while it follows changes, and when a program of its has begun to write. */
const instants: readonly ((bed: Bed, random: () => number) => Promise<unknown>)[] = [
  (_, random) => setTimeout(100 + random() * 700),
  async (bed, random) => {
    await bed.untilLogged('"synced"', 30_000);
    await setTimeout(random() * 200);
  },
  async (bed, random) => {
    await bed.untilLogged('chose the iptables variant', 30_000);
    for (let looks = 0; looks < 300 && !(await isRestoring(await bed.agent.pid())); looks++)
      await setTimeout(2);
    await setTimeout(random() * 10);
  },
];

/** Whether a program that writes rules is running under the process. */
async function isRestoring(pid: number | undefined): Promise<boolean> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const commands = await Promise.all(
    children
      .split(' ')
      .filter((each) => each !== '')
      .map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.some((command) => command.includes('-restore'));
}

/** Packets that the nat rules of a Service have counted in both families. */
async function packetsThrough(bed: Bed, service: string): Promise<number> {
  let packets = 0;
  for (const family of ['iptables', 'ip6tables']) {
    const { stdout } = await bed.run(`${family}-${bed.variant}-save`, '-c', '-t', 'nat');
    const rules = stdout.matchAll(new RegExp(`^\\[(\\d+):\\d+\\] -A KUBE-\\S+ .*default/${service}:`, 'gm'));
    for (const [, count] of rules) packets += Number(count);
  }
  return packets;
}
