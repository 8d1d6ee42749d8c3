import { setTimeout } from 'node:timers/promises';
import type { Api } from '../../cluster/api.ts';
import { type BenchService, sparePod } from '../cluster.ts';
import { type Spread, spreadOf } from '../figures.ts';
import { type Churn, changeSteadily } from './churn.ts';
import { moveEndpoint } from './objects.ts';
import type { ClusterBenchOptions } from './options.ts';
import type { Answers } from './orders.ts';
import type { BenchProxy } from './proxies.ts';
import type { BenchNode } from './rig.ts';
import { syncedAt } from './synced.ts';
import { memoryNow, type Pair, PeakWatch } from './usage.ts';

/** One program in one mode with so many Services. What has not been reached in time is undefined, and so is what comes after it. */
export interface ProxyFigures {
  /** Seconds from exec on an empty kernel to a connection to the first, the middle and the last Service. */
  readonly start: number | undefined;
  /** MB; of children the largest one. */
  readonly peak: Pair;
  /** Milliseconds from the API server's answer to a connection to the new endpoint, always long after the sync before. */
  readonly change?: Spread;
  /** MB after those changes; children together. */
  readonly rest?: Pair;
  readonly churn?: Churn;
  /** Microseconds for the first packet of a connection to the last Service in the nat table. */
  readonly firstPacket?: Answers['first-packets'];
  readonly restart?: Restart;
}

/** Seconds from exec, over the rules of the run before, with one endpoint changed meanwhile. */
interface Restart {
  readonly served: number | undefined;
  /** To the end of the first sync, by the program's own account. */
  readonly synced: number | undefined;
}

export interface Task {
  readonly api: Api;
  readonly node: BenchNode;
  readonly proxy: BenchProxy;
  readonly services: readonly BenchService[];
  readonly options: ClusterBenchOptions;
  readonly progress: (text: string) => void;
}

export async function measureProxy(task: Task): Promise<ProxyFigures> {
  const { node, proxy, progress } = task;
  await node.flush();
  const { pid, started } = await proxy.start();
  const watch = new PeakWatch(pid);
  try {
    const start = await untilServed(task, started);
    progress(start === undefined ? 'gave up' : `serves after ${start.toFixed(1)} s`);
    if (start === undefined || (await untilSynced(task, started)) === undefined)
      return { start, peak: watch.stop() };
    const steady = await measureSteady(task, pid);
    const before = watch.stop();
    const { peak, ...restart } = await measureRestart(task);
    progress(`serves a change ${restart.served?.toFixed(1) ?? '–'} s after a restart`);
    return { start, ...steady, restart, peak: larger(before, peak) };
  } catch (thrown) {
    throw new Error(`measuring failed; ${proxy.name} said:\n${proxy.lastWords()}`, { cause: thrown });
  } finally {
    watch.stop();
    await proxy.stop();
    await node.flush();
  }
}

/** Seconds until the first, the middle and the last Service are served. */
async function untilServed({ node, services, options }: Task, started: number): Promise<number | undefined> {
  const connectable = services.filter(({ protocol }) => protocol === 'TCP');
  const some = [connectable[0], connectable[connectable.length >> 1], connectable.at(-1)];
  const times = await Promise.all(
    some.map(async (service) => {
      if (service === undefined) throw new Error('no services');
      // Any endpoint will do; the first one may have moved in a run before.
      const { address, endpoints } = service;
      return node.prober.arrival(address, endpoints.slice(1), options.giveUpSeconds * 1000);
    }),
  );
  const arrived = times.filter((time) => time !== undefined);
  return arrived.length < times.length ? undefined : (Math.max(...arrived) - started) / 1000;
}

async function untilSynced({ node, options }: Task, started: number): Promise<number | undefined> {
  const synced = await syncedAt(node.prober, started, options.giveUpSeconds * 1000);
  // What the start leaves to be done shall not be taken for the cost of a change.
  await setTimeout(2000);
  return synced === undefined ? undefined : (synced - started) / 1000;
}

/** Longer than the usual minSyncPeriod of kube-proxy, so that no change waits for the sync before it. */
const restMilliseconds = 1500;
const firstPackets = 4000;

async function measureSteady(task: Task, pid: number) {
  const { api, node, services, options, progress } = task;
  const times: number[] = [];
  for (let number = 0; number < options.changes; number++) {
    times.push((await timeOneChange(task)) ?? options.giveUpSeconds * 1000);
    await setTimeout(restMilliseconds);
  }
  const change = spreadOf(times);
  progress(`one change: ${change.p50.toFixed(0)} ms`);
  const rest = memoryNow(pid);
  const { prober } = node;
  const churn = await changeSteadily({ api, prober, services, pid, seconds: options.churnSeconds, nextPod });
  progress(`20 changes a second: ${churn.lag.p50.toFixed(0)} ms`);
  const firstPacket = await prober.firstPackets(lastServiceOf(await node.rules()), firstPackets);
  return { change, rest, churn, firstPacket };
}

async function measureRestart(task: Task): Promise<Restart & { readonly peak: Pair }> {
  const { api, node, proxy, services, options } = task;
  await proxy.stop();
  const service = changing(services);
  const pod = nextPod();
  await moveEndpoint(api, service, pod);
  const { pid, started } = await proxy.start();
  const watch = new PeakWatch(pid);
  const [arrived, synced] = await Promise.all([
    node.prober.arrival(service.address, [pod], options.giveUpSeconds * 1000),
    untilSynced(task, started),
  ]);
  const served = arrived === undefined ? undefined : (arrived - started) / 1000;
  return { served, synced, peak: watch.stop() };
}

/** Milliseconds from the API server's answer to a connection to the new endpoint. */
async function timeOneChange({ api, node, services, options }: Task): Promise<number | undefined> {
  const service = changing(services);
  const pod = nextPod();
  const arriving = node.prober.arrival(service.address, [pod], options.giveUpSeconds * 1000);
  const accepted = await moveEndpoint(api, service, pod);
  const arrived = await arriving;
  return arrived === undefined ? undefined : Math.max(arrived - accepted, 0);
}

function changing(services: readonly BenchService[]): BenchService {
  const service = services.findLast(({ protocol }) => protocol === 'TCP');
  if (service === undefined) throw new Error('no services');
  return service;
}

let pods = 0;

/** One that no Service has had before. */
function nextPod(): string {
  pods += 1;
  return sparePod(pods);
}

/** The last Service of UDP by the order of the rules, which for kube-proxy is another one after each start. */
function lastServiceOf(rules: string): string {
  const found = rules.matchAll(/^-A KUBE-\S+ -d (\S+)\/32 -p udp .*-j KUBE-SVC-/gm);
  const last = Array.from(found, ([, address = '']) => address).at(-1);
  if (last === undefined) throw new Error('there is no Service of UDP among the rules');
  return last;
}

function larger(a: Pair, b: Pair): Pair {
  return { agent: Math.max(a.agent, b.agent), children: Math.max(a.children, b.children) };
}
