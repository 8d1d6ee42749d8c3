import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import { createRandom } from '../api-server/cluster.ts';
import { Bed } from '../faults/bed.ts';
import { dual } from '../faults/objects.ts';
import { SteadyTraffic, type Tally } from '../faults/traffic.ts';
import { RestlessCluster } from './cluster.ts';
import { liveHeap, type Sample, sample } from './samples.ts';

export interface SoakOptions {
  readonly variant: IptablesVariant;
  /** Of measuring; the warm-up comes before. */
  readonly minutes: number;
  readonly services: number;
  readonly seed: number;
}

export interface Soaked {
  /** MB after a full collection, in the beginning and in the end. */
  readonly liveHeap: readonly [number, number];
  readonly samples: readonly Sample[];
  readonly traffic: Tally;
  readonly changes: number;
  readonly apiCuts: number;
  readonly drifts: number;
  /** Drifts that the agent found and repaired. */
  readonly repaired: number;
  readonly syncs: number;
  readonly relists: number;
  /** CPU seconds of the agent itself. */
  readonly cpuSeconds: number;
  /** Milliseconds from the last change to a kernel that holds all; undefined: it never did. */
  readonly converged: number | undefined;
  readonly log: readonly string[];
}

const stable = [
  { name: 'stable-1', vip: 1, pods: ['p1', 'r1'] },
  { name: 'stable-2', vip: 2, pods: ['p2'] },
] as const;

/** Until the heap has found its size, and the code its compiled form. */
const warmUpMilliseconds = 60_000;
const changeEveryMilliseconds = 100;
const sampleEveryMilliseconds = 2000;
/** A watch that has failed several times is tried again after up to a minute. */
const drainMilliseconds = 90_000;

/** Constant change, faults now and then, and constant traffic to Services that nobody changes. */
export async function soak({ variant, minutes, services, seed }: SoakOptions): Promise<Soaked> {
  const cluster = new RestlessCluster(services, seed);
  const objects = [...stable.flatMap(dual), ...cluster.objects()];
  const node = ['--expose-gc', '--require', join(import.meta.dirname, 'collect.cjs')];
  await using bed = await Bed.open({ variant, objects, node });
  await bed.start(60_000);
  for (const { vip, pods } of stable) await bed.untilServed(vip, [...pods]);
  const traffic = await SteadyTraffic.start(
    bed.world,
    stable.map(({ vip }) => vip),
    50,
  );
  const rest = new Unrest(bed, cluster, seed);
  await setTimeout(warmUpMilliseconds);
  const heapBefore = await liveHeap(bed.agent);
  const samples = await watch(bed, minutes);
  const heapAfter = await liveHeap(bed.agent);
  await rest.stop();
  const converged = await bed.untilConverged(drainMilliseconds).catch(() => undefined);
  const { agent } = bed;
  return {
    liveHeap: [heapBefore, heapAfter],
    samples,
    traffic: await traffic.stop(),
    changes: rest.changes,
    apiCuts: rest.apiCuts,
    drifts: rest.drifts,
    repaired: await agent.metric('nodeplane_drift_total'),
    syncs: await agent.metric('kubeproxy_sync_proxy_rules_duration_seconds_count'),
    relists: await agent.metric('nodeplane_source_lists_total'),
    cpuSeconds: await agent.metric('process_cpu_seconds_total'),
    converged,
    log: agent.lines.slice(-20),
  };
}

async function watch({ agent }: Bed, minutes: number): Promise<readonly Sample[]> {
  const began = performance.now();
  const samples: Sample[] = [];
  while (performance.now() - began < minutes * 60_000) {
    samples.push(await sample(agent, began));
    await setTimeout(sampleEveryMilliseconds);
  }
  return samples;
}

/** Changes of the cluster, and what goes wrong meanwhile, until it is stopped. */
class Unrest {
  changes = 0;
  apiCuts = 0;
  drifts = 0;
  readonly #bed: Bed;
  readonly #cluster: RestlessCluster;
  readonly #random: () => number;
  readonly #over = new AbortController();
  readonly #loops: readonly Promise<void>[];

  constructor(bed: Bed, cluster: RestlessCluster, seed: number) {
    this.#bed = bed;
    this.#cluster = cluster;
    this.#random = createRandom(seed + 1);
    this.#loops = [
      this.#every(changeEveryMilliseconds, () => this.#change()),
      this.#every(30_000, () => this.#cutApi()),
      this.#every(9000, () => this.#drift()),
    ];
    for (const loop of this.#loops) loop.catch(() => undefined); // told by stop()
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#loops);
  }

  async #every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#over;
    for (;;) {
      await setTimeout(milliseconds * (0.5 + this.#random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await work();
    }
  }

  async #change(): Promise<void> {
    await this.#cluster.change(this.#bed.api);
    this.changes += 1;
  }

  /** Connections cut; or nobody there for a while; or versions forgotten meanwhile. */
  async #cutApi(): Promise<void> {
    const { api } = this.#bed;
    this.apiCuts += 1;
    const dice = this.#random();
    if (dice < 0.5) {
      await api.tell({ do: 'cut' });
      return;
    }
    await api.network(dice < 0.8 ? 'refuse' : 'silent');
    await setTimeout(1500);
    if (dice > 0.9) await api.tell({ do: 'compact' });
    await api.network('up');
    await api.tell({ do: 'cut' });
  }

  /** Somebody deletes a rule of a Service that nobody calls. */
  async #drift(): Promise<void> {
    const name = this.#cluster.someName();
    if (name === undefined) return;
    const family = this.#random() < 0.5 ? 'iptables' : 'ip6tables';
    const programs = `${family}-${this.#bed.variant}`;
    const { stdout } = await this.#bed.run(`${programs}-save`, '-t', 'nat');
    const rule = stdout
      .split('\n')
      .find((line) => line.includes(`default/${name}:`) && line.startsWith('-A KUBE-SVC'));
    if (rule === undefined) return;
    const stdin = [`*nat\n${rule.replace('-A', '-D')}\nCOMMIT\n`];
    const argv = [`${programs}-restore`, '--noflush', '-w', '10'] as const;
    const exec = this.#bed.world.exec('node-a');
    const { exitCode } = await exec({ argv: [...argv], stdin, timeoutMilliseconds: 15_000 });
    // The agent may have removed the rule meanwhile.
    if (exitCode === 0) this.drifts += 1;
  }
}
