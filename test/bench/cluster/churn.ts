import { setTimeout } from 'node:timers/promises';
import type { Api } from '../../cluster/api.ts';
import type { BenchService } from '../cluster.ts';
import { type Spread, spreadOf } from '../figures.ts';
import { moveEndpoint } from './objects.ts';
import type { Prober } from './prober.ts';
import { cpuSeconds, type Pair } from './usage.ts';

/** What steady change takes. */
export interface Churn {
  /** Milliseconds from the API server's answer to a connection to the new endpoint, of every tenth change. */
  readonly lag: Spread;
  /** CPU seconds of that time. */
  readonly cpu: Pair;
  /** Changes that the API server took in that time. */
  readonly changes: number;
}

export interface ChurnTask {
  readonly api: Api;
  readonly prober: Prober;
  readonly services: readonly BenchService[];
  readonly pid: number;
  readonly seconds: number;
  /** Gives the address of a pod that no Service has had. */
  readonly nextPod: () => string;
}

const perSecond = 20;
/** To look at all of them would be a load of its own. */
const lookedAt = 10;
const longestMilliseconds = 60_000;

/** 20 changes a second, each of another Service. */
export async function changeSteadily(task: ChurnTask): Promise<Churn> {
  const { pid, seconds } = task;
  const services = scattered(task.services.filter(({ protocol }) => protocol === 'TCP'));
  const before = cpuSeconds(pid);
  const began = performance.now();
  const running: Promise<number | undefined>[] = [];
  for (let number = 0; number < seconds * perSecond; number++) {
    const service = services[number % services.length];
    if (service === undefined) throw new Error('no services');
    const change = changeOne(task, service, number % lookedAt === lookedAt - 1);
    // One that fails is told of at the end.
    change.catch(() => undefined);
    running.push(change);
    await setTimeout(began + ((number + 1) * 1000) / perSecond - performance.now());
  }
  const after = cpuSeconds(pid);
  const times = (await Promise.all(running)).filter((time) => time !== undefined);
  return {
    lag: spreadOf(times),
    cpu: { agent: after.agent - before.agent, children: after.children - before.children },
    changes: running.length,
  };
}

/** Milliseconds until it is in force, if that is looked at. */
async function changeOne(
  { api, prober, nextPod }: ChurnTask,
  service: BenchService,
  look: boolean,
): Promise<number | undefined> {
  const pod = nextPod();
  const arriving = look ? prober.arrival(service.address, [pod], longestMilliseconds) : undefined;
  const accepted = await moveEndpoint(api, service, pod);
  if (arriving === undefined) return undefined;
  return Math.max(((await arriving) ?? accepted + longestMilliseconds) - accepted, 0);
}

/** In an order in which neighbours are far from each other, always the same. */
function scattered<Item>(items: readonly Item[]): readonly Item[] {
  const step = 7919;
  const keyed = items.map((item, index) => ({ item, key: (index * step) % items.length }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
