import { afterEach, describe, expect, it } from 'vitest';
import { Bed, tell, until, variants } from './bed.ts';
import { dual } from './objects.ts';
import { Programs } from './programs.ts';
import { SteadyTraffic } from './traffic.ts';

/** Rules that lead to this pod become rules that the kernel does not take: nat has no REJECT. */
const refused =
  'sed \'s/^-A \\(\\S*\\) .*10\\.244\\.2\\.13:8080$/-A \\1 -j REJECT/\' | "$real" "$@"; exit $?';

describe.each(variants)('promise 4 with iptables-%s', (variant) => {
  let bed: Bed;
  let programs: Programs;
  afterEach(async () => {
    await bed.close();
    await programs.remove();
  });

  const quarantined = () => bed.agent.metric('nodeplane_quarantined_service_ports', 'IPv4');
  const untilQuarantined = (ports: number) =>
    until(
      () => `${ports} quarantined${bed.tail()}`,
      20_000,
      async () => (await quarantined()) === ports,
    );

  it('one Service that the kernel refuses stops no other, keeps its last good state, and is told', async () => {
    programs = await Programs.create();
    await programs.fail('iptables-restore', refused);
    const crowd = (pod: 'p1' | 'p2') =>
      Array.from({ length: 30 }, (_, index) =>
        dual({ name: `crowd-${index}`, vip: 100 + index, pods: [pod] }),
      ).flat();
    const objects = [
      ...dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] }),
      ...dual({ name: 'bad', vip: 2, pods: ['p3'] }),
      ...crowd('p1'),
    ];
    bed = await Bed.open({ variant, objects, before: programs.before });
    await bed.start();
    await bed.untilServed(2, ['p3']);
    const traffic = await SteadyTraffic.start(bed.world, [1]);

    const began = performance.now();
    await bed.api.put(...dual({ name: 'bad', vip: 2, pods: ['r3'] }), ...crowd('p2'));
    for (const vip of [100, 115, 129]) await bed.untilServed(vip, ['p2'], 30_000);
    const others = performance.now() - began;
    await untilQuarantined(2);
    expect(await bed.answers(2)).toBe('p3');
    expect(await bed.answers(2, { family: 'IPv6' })).toBe('r3');
    const [finding] = bed.agent.entries('NP-OBJECT-006');
    expect(finding).toMatchObject({ object: 'Service default/bad' });
    // What comes later does not wait for it.
    await bed.api.put(...dual({ name: 'late', vip: 3, pods: ['p1'] }));
    const late = await bed.untilServed(3, ['p1'], 20_000, { timeoutMilliseconds: 200 });
    expect((await bed.agent.health('/livez')).status).toBe(200);

    await bed.api.put(...dual({ name: 'bad', vip: 2, pods: ['p2'] }));
    const corrected = await bed.untilServed(2, ['p2']);
    await untilQuarantined(0);
    await bed.untilLogged('an object is as it should be again');
    const { failed, broken, answered } = await traffic.stop();
    tell(`iptables-${variant}, one refused among 32`, {
      othersMs: Math.round(others),
      lateMs: Math.round(late),
      correctedMs: Math.round(corrected),
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
    await bed.untilConverged();
  });

  it('a Service that is refused from the start is left out, and comes in when the kernel takes it', async () => {
    programs = await Programs.create();
    await programs.fail('iptables-restore', refused);
    const objects = [
      ...dual({ name: 'good', vip: 1, pods: ['p1'] }),
      ...dual({ name: 'bad', vip: 2, pods: ['r3'] }),
    ];
    bed = await Bed.open({ variant, objects, before: programs.before });
    await bed.start();
    await bed.untilServed(1, ['p1']);
    await untilQuarantined(2);
    await programs.heal('iptables-restore');
    // The same rules are tried again after half a minute, and at once when the process is a new one.
    await bed.agent.stop();
    await bed.start();
    await bed.untilServed(2, ['r3']);
    expect(await quarantined()).toBe(0);
  });
});
