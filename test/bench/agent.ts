import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import { type AgentSource, openSource, type SourceKind } from './agent-source.ts';
import { type BenchService, benchServices, clusterNetwork, nodeName, sparePod } from './cluster.ts';
import { medianOf, type Spread, spreadOf } from './figures.ts';
import { peakMemory, residentMemory } from './memory.ts';
import { openProbe, type Probe } from './probe.ts';

export interface AgentJob {
  readonly kind: 'agent';
  /** The bundled program. */
  readonly program: string;
  readonly variant: IptablesVariant;
  readonly services: number;
  readonly source: SourceKind;
  readonly changes: number;
  /** So long it is left alone, and what it takes meanwhile is counted. */
  readonly idleSeconds: number;
  readonly timeoutSeconds: number;
}

/** The bundled agent on a directory of manifests or an API server. */
export interface AgentFigures {
  /** Milliseconds from exec to the first packet that arrives; undefined: it did not in time. */
  readonly coldStart: number | undefined;
  /** CPU milliseconds until some seconds after that, of the agent and of the programs that it ran. */
  readonly ownCpu: number;
  readonly programsCpu: number;
  /** For how long its event loop was held at worst until then, in milliseconds. */
  readonly longestBlock: number;
  /** CPU milliseconds a minute when nothing changes, of the agent and of its programs. */
  readonly idleCpu: number;
  /** MB, after that. */
  readonly restMb: number;
  /** Milliseconds from the rename of a file, or from the change at the API server, to the first packet at the new endpoint. */
  readonly change: Spread | undefined;
  /** Of that, the sync, as the agent's log has it. */
  readonly sync: number | undefined;
  /** MB, of the whole run. */
  readonly peakMb: number;
}

export async function measureAgent(job: AgentJob): Promise<AgentFigures> {
  const all = benchServices(job.services);
  const probed = all.at(-1);
  if (probed === undefined) throw new Error('no services');
  const target: BenchService = { ...probed, protocol: 'UDP' };
  const spares = Array.from({ length: job.changes }, (_, number) => sparePod(number));
  const source = await openSource(job.source, all.slice(0, -1), target);
  const probe = await openProbe(target.address, [...target.endpoints, ...spares]);
  const agent = new Agent(job, source.flags);
  try {
    const coldStart = await probe.until(target.endpoints, agent.started, job.timeoutSeconds);
    await delay(job.changes > 3 ? 5000 : 1500);
    const longestBlock = await longestBlockOf();
    const cold = { coldStart, ...cpuOf(agent.pid), longestBlock };
    const idle = await measureIdle(agent.pid, job.idleSeconds);
    const changed =
      coldStart === undefined ? undefined : await measureChanges(agent, probe, { source, target, spares });
    const { change, sync } = changed ?? {};
    return { ...cold, ...idle, change, sync, peakMb: peakMemory(agent.pid) };
  } finally {
    await agent.end();
    probe.close();
    source.close();
  }
}

async function measureIdle(pid: number, seconds: number): Promise<Pick<AgentFigures, 'idleCpu' | 'restMb'>> {
  const before = cpuOf(pid);
  await delay(seconds * 1000);
  const after = cpuOf(pid);
  const taken = after.ownCpu + after.programsCpu - before.ownCpu - before.programsCpu;
  return { idleCpu: (taken * 60) / seconds, restMb: residentMemory(pid) };
}

/** Since the last look, by the agent's own account. */
async function longestBlockOf(): Promise<number> {
  const answer = await fetch('http://127.0.0.1:10249/metrics');
  const lag = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await answer.text())?.[1];
  return Number(lag ?? Number.NaN) * 1000;
}

/** Always longer after the last sync than its least rest, so that no change waits for that. */
async function measureChanges(
  agent: Agent,
  probe: Probe,
  what: { readonly source: AgentSource; readonly target: BenchService; readonly spares: readonly string[] },
) {
  const { source, target, spares } = what;
  const times: number[] = [];
  agent.syncs.length = 0;
  for (const spare of spares) {
    const started = await source.change(target, [spare, ...target.endpoints.slice(1)]);
    const time = await probe.until([spare], started, 30);
    if (time === undefined) throw new Error('a changed endpoint got no packet within 30 s');
    times.push(time);
    await delay(1700);
  }
  return { change: spreadOf(times), sync: agent.syncs.length === 0 ? undefined : medianOf(agent.syncs) };
}

/** The agent as it is shipped; it needs to know nothing of Node's options. */
class Agent {
  readonly started = performance.now();
  /** Milliseconds of each sync that changed something, in order. */
  readonly syncs: number[] = [];
  readonly #child: ChildProcess;
  readonly #log: string[] = [];

  constructor({ program, variant }: AgentJob, source: readonly string[]) {
    const flags = ['--node', nodeName, '--cluster-cidr', clusterNetwork, '--iptables-variant', variant];
    const args = [program, 'run', ...source, ...flags];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    if (this.#child.stderr === null) throw new Error('the log of the agent cannot be read');
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.#hear(line));
  }

  get pid(): number {
    if (this.#child.pid === undefined || this.#child.exitCode !== null)
      throw new Error(`the agent has ended: ${this.#log.join('\n')}`);
    return this.#child.pid;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
  }

  #hear(line: string): void {
    this.#log.push(line);
    const milliseconds = /"milliseconds":(\d+)/.exec(line)?.[1];
    if (line.includes('"msg":"synced"') && milliseconds !== undefined) this.syncs.push(Number(milliseconds));
  }
}

/** Milliseconds; the kernel counts in hundredths of a second. */
function cpuOf(pid: number): Pick<AgentFigures, 'ownCpu' | 'programsCpu'> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which stands in parentheses and may hold anything; fields 14 to 17 of proc(5).
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  const [user = 0, system = 0, programsUser = 0, programsSystem = 0] = fields;
  return { ownCpu: (user + system) * 10, programsCpu: (programsUser + programsSystem) * 10 };
}
