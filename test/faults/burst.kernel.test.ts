import { afterEach, describe, expect, it } from 'vitest';
import { createRandom } from '../api-server/cluster.ts';
import type { Json } from '../conformance/objects.ts';
import type { PodName } from '../conformance/places.ts';
import { sumOf } from './agent.ts';
import { Bed, tell, variants } from './bed.ts';
import { dual, slices } from './objects.ts';
import { SteadyTraffic } from './traffic.ts';

const changes = Number(process.env['NODEPLANE_CHANGES'] ?? 10_000);
const seed = Number(process.env['NODEPLANE_SEED'] ?? Date.now() % 1_000_000);
const pods: readonly PodName[] = ['p1', 'p2', 'p3', 'r1', 'r2', 'r3'];
/** Resident: the process itself, what it keeps of 101 Services, and what the burst leaves behind until the next collection. */
const mostMegabytes = 150;

/** On a machine that does nothing else it is a few milliseconds. */
const mostLagMilliseconds = 500;

describe.each(variants)('a burst with iptables-%s', (variant) => {
  let bed: Bed;
  afterEach(async () => bed.close());

  it(`${changes} changes: few syncs, the last state counts, the event loop turns, no connection fails`, async () => {
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const some = () => pods.filter(() => random() < 0.5);
    const services = Array.from({ length: 100 }, (_, index) => ({
      name: `s-${index}`,
      vip: 100 + index,
      pods,
    }));
    const objects = [...dual({ name: 'stable', vip: 1, pods: ['p1', 'r1'] }), ...services.flatMap(dual)];
    bed = await Bed.open({ variant, objects });
    await bed.start();
    await bed.untilServed(1, ['p1', 'r1']);
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    const syncs = () => bed.agent.metric('kubeproxy_sync_proxy_rules_duration_seconds_count');
    const before = await syncs();
    const megabytes = async () => Math.round((await bed.agent.metric('process_resident_memory_bytes')) / 1e6);
    const memoryBefore = await megabytes();

    const batch: Json[] = [];
    while (batch.length < changes) {
      const one = services[Math.floor(random() * services.length)];
      if (one !== undefined) batch.push(...slices({ ...one, pods: some() }));
    }
    const probes = new Probes(() => bed.agent.health('/livez'));
    const began = performance.now();
    for (let first = 0; first < batch.length; first += 500)
      await bed.api.put(...batch.slice(first, first + 500));
    await bed.api.put(...slices({ name: 's-0', vip: 100, pods: ['p3'] }));
    await bed.untilServed(100, ['p3'], 30_000);
    const milliseconds = Math.round(performance.now() - began);
    const slowest = await probes.stop();
    await bed.untilConverged(30_000);
    // One look at the page: it tells the longest lag since the look before.
    const page = await bed.agent.page('/metrics');
    const made = sumOf(page, 'kubeproxy_sync_proxy_rules_duration_seconds_count') - before;
    const lag = Math.round(1000 * sumOf(page, 'nodejs_eventloop_lag_max_seconds'));
    const memory = Math.round(sumOf(page, 'process_resident_memory_bytes') / 1e6);
    const { failed, broken, answered } = await traffic.stop();
    tell(`iptables-${variant}, ${changes} changes`, {
      milliseconds,
      syncs: made,
      eventLoopLagMaxMs: lag,
      slowestProbeMs: slowest,
      memoryBefore,
      memory,
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
    // Two families; a sync each in any 40 ms at most, by the rest between them.
    expect(made).toBeLessThan(2 * (milliseconds / 40 + 5));
    expect(memory).toBeLessThan(mostMegabytes);
    expect(lag).toBeLessThan(mostLagMilliseconds);
  }, 120_000);
});

/** Asks again and again; the longest that an answer took. */
class Probes {
  #going = true;
  readonly #slowest: Promise<number>;

  constructor(ask: () => Promise<{ readonly status: number }>) {
    this.#slowest = this.#run(ask);
  }

  stop(): Promise<number> {
    this.#going = false;
    return this.#slowest;
  }

  async #run(ask: () => Promise<{ readonly status: number }>): Promise<number> {
    let slowest = 0;
    while (this.#going) {
      const began = performance.now();
      expect((await ask()).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return Math.round(slowest);
  }
}
