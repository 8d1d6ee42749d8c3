import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Family, families } from '../../src/model/address.ts';
import type { Program } from '../netns/program.ts';
import { Bed, tell, until } from './bed.ts';
import { at, dual, slices } from './objects.ts';

const client = join(import.meta.dirname, 'udp-client.mjs');
/** The table of connections is looked at once a second at most. */
const movedMilliseconds = 5000;

describe.each(['legacy', 'nft'] as const)('promise 8 with iptables-%s', (variant) => {
  let bed: Bed;
  afterEach(async () => bed.close());

  /** A client on a fixed source port, and what it last heard from whom. */
  function talk(family: Family, vip: number): Program {
    const from = at[family].client();
    const argv = [process.execPath, client, from, '40000', at[family].vip(vip), '80', '20'] as const;
    return bed.world.start('client', [...argv]);
  }
  const partner = (program: Program) => program.lines.at(-1)?.split(' ')[1] ?? 'nobody';
  const untilPartner = (program: Program, name: string) =>
    until(
      () => `an answer of ${name}, not ${partner(program)}${bed.tail()}`,
      movedMilliseconds,
      async () => partner(program) === name,
    );

  it('UDP clients that keep their port reach the new endpoint after the old one is gone, and after there was none', async () => {
    bed = await Bed.open({ variant, objects: dual({ name: 'dns', vip: 1, pods: ['p1'] }) });
    await bed.start();
    const clients = families.map((family) => talk(family, 1));
    const all = async (name: string) =>
      Math.round(Math.max(...(await Promise.all(clients.map((each) => untilPartner(each, name))))));
    await all('p1');
    const figures: Record<string, number> = {};
    // Past the rest that follows the look at the start: what comes now is looked at at once.
    await setTimeout(1500);
    await bed.api.put(...slices({ name: 'dns', vip: 1, pods: ['p2'] }));
    figures['replacedMs'] = await all('p2');
    await bed.api.put(...slices({ name: 'dns', vip: 1, pods: [] }));
    await until(
      () => `refused${bed.tail()}`,
      5000,
      async () => (await bed.answers(1, { protocol: 'UDP', count: 4 })) === 'refused',
    );
    await bed.api.put(...slices({ name: 'dns', vip: 1, pods: ['p3'] }));
    figures['afterNoneMs'] = await all('p3');
    await bed.api.remove(...dual({ name: 'dns', vip: 1, pods: ['p3'] }));
    await until(
      () => `nobody${bed.tail()}`,
      5000,
      async () =>
        (await bed.answers(1, { protocol: 'UDP', count: 4, timeoutMilliseconds: 300 })) === 'timeout',
    );
    await bed.api.put(...dual({ name: 'dns', vip: 1, pods: ['p1'] }));
    figures['removedAndBackMs'] = await all('p1');
    tell(`iptables-${variant}, UDP client with a fixed port`, figures);
    for (const each of clients) await each.stop('SIGKILL');
  });

  it('a TCP connection to an endpoint that stays outlives twenty syncs, and the end of all others', async () => {
    bed = await Bed.open({ variant, objects: dual({ name: 'web', vip: 1, pods: ['p1'] }) });
    await bed.start();
    await bed.untilServed(1, ['p1']);
    const kept = await Promise.all(
      families.map((family) =>
        bed.world.startTraffic('client', { to: at[family].vip(1), port: 80, kept: 3, everyMilliseconds: 50 }),
      ),
    );
    for (let turn = 1; turn <= 20; turn++) {
      const pods = turn % 2 === 1 ? (['p1', 'p2', 'r1'] as const) : (['p1'] as const);
      await bed.api.put(...slices({ name: 'web', vip: 1, pods }));
      await bed.untilServed(1, pods);
    }
    for (const stream of kept) {
      const { failed, kept: connections } = await stream.stop();
      expect(failed).toEqual([]);
      expect(connections.map(({ broken, server }) => [broken, server])).toEqual([
        ['', 'p1'],
        ['', 'p1'],
        ['', 'p1'],
      ]);
      expect(connections.every(({ exchanges }) => exchanges > 10)).toBe(true);
    }
    expect(
      await bed.agent.metric('kubeproxy_sync_proxy_rules_duration_seconds_count', 'IPv4'),
    ).toBeGreaterThanOrEqual(20);
  });
});
