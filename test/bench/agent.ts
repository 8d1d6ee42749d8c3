import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { Json } from '../conformance/objects.ts';
import {
  type BenchService,
  benchNode,
  benchServices,
  clusterNetwork,
  nodeName,
  serviceObject,
  sliceObject,
  sparePod,
} from './cluster.ts';
import { medianOf, type Spread, spreadOf } from './figures.ts';
import { peakMemory, residentMemory } from './memory.ts';
import { openProbe, type Probe } from './probe.ts';

export interface AgentJob {
  readonly kind: 'agent';
  /** The bundled program. */
  readonly program: string;
  readonly variant: IptablesVariant;
  readonly services: number;
  /** Of the manifests: reading YAML is most of a start, and reading JSON is not. */
  readonly format: 'yaml' | 'json';
  readonly changes: number;
  readonly timeoutSeconds: number;
}

/** The bundled agent on a directory of manifests. */
export interface AgentFigures {
  /** Milliseconds from exec to the first packet that arrives; undefined: it did not in time. */
  readonly coldStart: number | undefined;
  /** CPU milliseconds until some seconds after that, of the agent and of the programs that it ran. */
  readonly ownCpu: number;
  readonly programsCpu: number;
  /** MB, at the same time. */
  readonly restMb: number;
  /** Milliseconds from the rename of a file to the first packet at the new endpoint. */
  readonly change: Spread | undefined;
  /** Of that, the sync, as the agent's log has it. */
  readonly sync: number | undefined;
  /** MB, of the whole run. */
  readonly peakMb: number;
}

const directory = '/run/manifests';
const perFile = 100;

export async function measureAgent(job: AgentJob): Promise<AgentFigures> {
  const all = benchServices(job.services);
  const probed = all.at(-1);
  if (probed === undefined) throw new Error('no services');
  const target: BenchService = { ...probed, protocol: 'UDP' };
  const spares = Array.from({ length: job.changes }, (_, number) => sparePod(number));
  await writeManifests(all.slice(0, -1), target, job.format);
  const probe = await openProbe(target.address, [...target.endpoints, ...spares]);
  const agent = new Agent(job);
  try {
    const coldStart = await probe.until(target.endpoints, agent.started, job.timeoutSeconds);
    await delay(job.changes > 3 ? 5000 : 1500);
    const cold = { coldStart, ...cpuOf(agent.pid), restMb: residentMemory(agent.pid) };
    const changed =
      coldStart === undefined ? undefined : await measureChanges(agent, probe, { ...job, target, spares });
    return { ...cold, change: changed?.change, sync: changed?.sync, peakMb: peakMemory(agent.pid) };
  } finally {
    await agent.end();
    probe.close();
  }
}

/** Always longer after the last sync than its least rest, so that no change waits for that. */
async function measureChanges(
  agent: Agent,
  probe: Probe,
  what: Pick<AgentJob, 'format'> & { readonly target: BenchService; readonly spares: readonly string[] },
) {
  const { target, spares, format } = what;
  const times: number[] = [];
  agent.syncs.length = 0;
  for (const spare of spares) {
    const fresh = `${directory}/.new`;
    await writeFile(fresh, textOf(format, [target], [spare, ...target.endpoints.slice(1)]));
    const started = performance.now();
    await rename(fresh, probedFile(format));
    const time = await probe.until([spare], started, 30);
    if (time === undefined) throw new Error('a changed endpoint got no packet within 30 s');
    times.push(time);
    await delay(1700);
  }
  return { change: spreadOf(times), sync: agent.syncs.length === 0 ? undefined : medianOf(agent.syncs) };
}

/** A hundred Services a file, as a repository of manifests may have them, and one file for the Service that changes. */
async function writeManifests(
  services: readonly BenchService[],
  target: BenchService,
  format: AgentJob['format'],
): Promise<void> {
  await mkdir(directory);
  await writeFile(`${directory}/node.yaml`, stringify(benchNode));
  for (let first = 0; first < services.length; first += perFile) {
    const text = textOf(format, services.slice(first, first + perFile));
    await writeFile(`${directory}/services-${String(first).padStart(5, '0')}.${format}`, text);
  }
  await writeFile(probedFile(format), textOf(format, [target]));
}

function probedFile(format: AgentJob['format']): string {
  return `${directory}/probed.${format}`;
}

function textOf(
  format: AgentJob['format'],
  services: readonly BenchService[],
  endpoints?: readonly string[],
): string {
  const objects = services.flatMap((each): readonly Json[] => [
    serviceObject(each),
    sliceObject(each, endpoints),
  ]);
  if (format === 'json') return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return objects.map((object) => `---\n${stringify(object)}`).join('');
}

/** The agent as it is shipped; it needs to know nothing of Node's options. */
class Agent {
  readonly started = performance.now();
  /** Milliseconds of each sync that changed something, in order. */
  readonly syncs: number[] = [];
  readonly #child: ChildProcess;
  readonly #log: string[] = [];

  constructor({ program, variant }: AgentJob) {
    const flags = ['--node', nodeName, '--cluster-cidr', clusterNetwork, '--iptables-variant', variant];
    const args = [program, 'run', '--manifests', directory, ...flags];
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
