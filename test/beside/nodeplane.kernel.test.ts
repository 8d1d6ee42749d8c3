import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { families } from '../../src/model/address.ts';
import { nodeplane } from '../cli/nodeplane.ts';
import { Bed, until, variants } from '../faults/bed.ts';
import { at, dual } from '../faults/objects.ts';
import { rulesOf } from '../faults/rules.ts';
import { SteadyTraffic } from '../faults/traffic.ts';
import { labelled, SecondProxy } from './proxies.ts';

const flags = ['--cluster-cidr', families.map((family) => at[family].clusterNetwork).join()];

const web = (...pods: readonly ('p1' | 'p3' | 'r1')[]) => dual({ name: 'web', vip: 1, pods });
const mesh = (...pods: readonly ('p2' | 'p3' | 'r2')[]) =>
  labelled(dual({ name: 'mesh', vip: 2, pods, type: 'NodePort', nodePort: 30_080 }));
const nobody = labelled(dual({ name: 'nobody', vip: 3, pods: [] }));

describe.each(variants)('two on one node with iptables-%s', (variant) => {
  let bed: Bed;
  let second: SecondProxy;

  beforeAll(async () => {
    bed = await Bed.open({ variant, objects: [...web('p1', 'r1'), ...mesh('p2', 'r2'), ...nobody] });
    second = new SecondProxy(bed, flags);
    await bed.start();
    await second.start();
    await bed.untilServed(1, ['p1', 'r1']);
    await bed.untilServed(2, ['p2', 'r2']);
  });
  afterAll(async () => {
    await second.close();
    await bed.close();
  });

  /** Rules of one of the two, by the prefix of its chains. */
  async function rules(prefix: 'KUBE' | 'NPLN'): Promise<string> {
    const all = await rulesOf(bed);
    return all
      .split('\n')
      .filter((line) => line.includes(`${prefix}-`) && !line.includes('KUBE-FIREWALL'))
      .join('\n');
  }

  async function bothConverge(): Promise<void> {
    await bed.untilConverged();
    await second.untilConverged();
  }

  it.each(families)('each serves its own in %s, as kube-proxy would', async (family) => {
    await bothConverge();
    for (const protocol of ['TCP', 'UDP'] as const) {
      expect(await bed.answers(1, { family, protocol })).toBe('p1,r1');
      for (const from of ['client', 'p1', 'node-a'])
        expect(await bed.answers(2, { family, protocol, from })).toBe('p2,r2');
      expect(await bed.answers(0, { family, protocol, to: at[family].node, port: 30_080 })).toBe('p2,r2');
    }
    // From a pod to itself, and from outside: masqueraded by whichever postrouting comes first.
    expect(await bed.answers(2, { family, from: 'p2' })).toBe('p2,r2');
    const [dial] = await bed.world.dial('client', { to: at[family].vip(3), port: 80 });
    expect(dial?.outcome).toBe('refused');
  });

  it('each follows its own Services under traffic to both, and neither hears of the other as of a stranger', async () => {
    const [theirs, traffic] = [await rules('KUBE'), await SteadyTraffic.start(bed.world, [1, 2])];
    await bed.api.put(...mesh('p2', 'p3', 'r2'));
    await bed.untilServed(2, ['p2', 'p3', 'r2']);
    expect(await rules('KUBE')).toBe(theirs);
    const ours = await rules('NPLN');
    await bed.api.put(...web('p1', 'p3', 'r1'));
    await bed.untilServed(1, ['p1', 'p3', 'r1']);
    expect(await rules('NPLN')).toBe(ours);
    await bothConverge();
    expect(await traffic.stop()).toMatchObject({ failed: [], broken: [] });
    expect(second.entries('another program wrote into our chains')).toEqual([]);
  });

  it('a restart of either, which reads and compares everything, touches nothing of the other', async () => {
    const [theirs, ours] = [await rules('KUBE'), await rules('NPLN')];
    const traffic = await SteadyTraffic.start(bed.world, [1, 2]);
    await second.stop('SIGKILL');
    await second.start();
    await bed.agent.stop('SIGKILL');
    await bed.start();
    await bothConverge();
    expect([await rules('KUBE'), await rules('NPLN')]).toEqual([theirs, ours]);
    expect(await traffic.stop()).toMatchObject({ failed: [], broken: [] });
  });

  it('what somebody takes out of the rules of either comes back', async () => {
    const [theirs, ours] = [await rules('KUBE'), await rules('NPLN')];
    for (const [chain, wanted] of [
      ['NPLN-SERVICES', ours],
      ['KUBE-SERVICES', theirs],
    ] as const) {
      const { exitCode } = await bed.run(`iptables-${variant}`, '-w', '10', '-t', 'nat', '-D', chain, '1');
      expect(exitCode).toBe(0);
      const prefix = chain.startsWith('NPLN') ? 'NPLN' : 'KUBE';
      await until(
        () => `${chain} as before${bed.tail()}\n${second.tail()}`,
        15_000,
        async () => (await rules(prefix)) === wanted,
      );
    }
    expect([await rules('KUBE'), await rules('NPLN')]).toEqual([theirs, ours]);
  });

  it('a label that comes and goes hands the Service over', async () => {
    const bare = dual({ name: 'mesh', vip: 2, pods: ['p2', 'r2'] });
    await bed.api.put(...bare);
    await until(
      () => `no rules for it among the second one's${bed.tail()}`,
      10_000,
      async () => !(await rules('NPLN')).includes('default/mesh'),
    );
    await bed.untilServed(2, ['p2', 'r2']);
    expect(await rules('KUBE')).toContain('default/mesh');
    await bed.api.put(...mesh('p2', 'r2'));
    await until(
      () => `rules for it among the second one's only${bed.tail()}`,
      10_000,
      async () =>
        (await rules('NPLN')).includes('default/mesh') && !(await rules('KUBE')).includes('default/mesh'),
    );
    await bed.untilServed(2, ['p2', 'r2']);
    await bothConverge();
  });

  it('a cleanup of either leaves the rules and the traffic of the other', async () => {
    const [theirs, ours] = [await rules('KUBE'), await rules('NPLN')];
    const toTheirs = await SteadyTraffic.start(bed.world, [1]);
    expect(await second.cleanup()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('NP-CHECK-003'),
    });
    expect([await rules('KUBE'), await rules('NPLN')]).toEqual([theirs, ours]);
    await second.stop();
    const cleaned = await second.cleanup();
    expect(cleaned.exitCode, cleaned.stderr).toBe(0);
    expect([await rules('KUBE'), await rules('NPLN')]).toEqual([theirs, '']);
    await second.start();
    expect(await rules('NPLN')).toBe(ours);
    expect(await toTheirs.stop()).toMatchObject({ failed: [], broken: [] });
    const toOurs = await SteadyTraffic.start(bed.world, [2]);
    await bed.agent.stop();
    await nodeplane(bed.world.exec('node-a'), 'cleanup', '--iptables-variant', variant);
    expect([await rules('KUBE'), await rules('NPLN')]).toEqual(['', ours]);
    expect(await toOurs.stop()).toMatchObject({ failed: [], broken: [] });
    await second.untilConverged();
  });
});
