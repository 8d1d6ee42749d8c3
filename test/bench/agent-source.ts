import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { stringify } from 'yaml';
import type { Command } from '../api-server/control.ts';
import type { Json } from '../conformance/objects.ts';
import { type BenchService, benchNode, serviceObject, sliceObject } from './cluster.ts';

/** Where the agent has its objects from; `api`: the scripted API server. Reading YAML is most of a start, and reading JSON is not. */
export type SourceKind = 'yaml' | 'json' | 'api';

/** The objects that an agent follows. */
export interface AgentSource {
  /** Flags that lead the agent there. */
  readonly flags: readonly string[];
  /** Gives one Service other endpoints; resolves when the agent may hear of it, with the moment when it could at the earliest. */
  change(service: BenchService, endpoints: readonly string[]): Promise<number>;
  close(): void;
}

/** All Services at once; `target` is the one that changes. */
export function openSource(
  kind: SourceKind,
  services: readonly BenchService[],
  target: BenchService,
): Promise<AgentSource> {
  return kind === 'api' ? openApi([...services, target]) : writeManifests(kind, services, target);
}

const directory = '/run/manifests';
const perFile = 100;

/** A hundred Services a file, as a repository of manifests may have them, and one file for the Service that changes. */
async function writeManifests(
  format: 'yaml' | 'json',
  services: readonly BenchService[],
  target: BenchService,
): Promise<AgentSource> {
  await mkdir(directory);
  await writeFile(`${directory}/node.yaml`, stringify(benchNode));
  for (let first = 0; first < services.length; first += perFile) {
    const objects = services.slice(first, first + perFile).flatMap((each) => objectsOf(each));
    await writeFile(
      `${directory}/services-${String(first).padStart(5, '0')}.${format}`,
      textOf(format, objects),
    );
  }
  const probed = `${directory}/probed.${format}`;
  await writeFile(probed, textOf(format, objectsOf(target)));
  return {
    flags: ['--manifests', directory],
    change: async (service, endpoints) => {
      const fresh = `${directory}/.new`;
      await writeFile(fresh, textOf(format, objectsOf(service, endpoints)));
      const started = performance.now();
      await rename(fresh, probed);
      return started;
    },
    close: () => undefined,
  };
}

function objectsOf(service: BenchService, endpoints?: readonly string[]): readonly Json[] {
  return [serviceObject(service), sliceObject(service, endpoints)];
}

function textOf(format: 'yaml' | 'json', objects: readonly Json[]): string {
  if (format === 'json') return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return objects.map((object) => `---\n${stringify(object)}`).join('');
}

/** Started in a process of its own, so that its memory and time are not the agent's. */
async function openApi(services: readonly BenchService[]): Promise<AgentSource> {
  const server = new Server();
  const { kubeconfig } = await server.answer();
  await server.tell({ do: 'put', objects: [benchNode] });
  for (let first = 0; first < services.length; first += perFile) {
    const objects = services.slice(first, first + perFile).flatMap((each) => objectsOf(each));
    await server.tell({ do: 'put', objects });
  }
  return {
    flags: ['--kubeconfig', String(kubeconfig)],
    change: async (service, endpoints) => {
      const started = performance.now();
      await server.tell({ do: 'put', objects: [sliceObject(service, endpoints)] });
      return started;
    },
    close: () => server.close(),
  };
}

// The bundle of this file lies elsewhere: paths are those of the working directory, the repository.
const main = join(process.cwd(), 'test/api-server/main.mts');
const tsx = join(process.cwd(), 'node_modules/tsx/dist/loader.mjs');

class Server {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    // Its files lie in the world's own /run and go with it, whoever ends first.
    const env = { ...process.env, TMPDIR: '/run' };
    const argv = ['--import', tsx, main];
    this.#child = spawn(process.execPath, argv, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines: Interface | undefined =
      this.#child.stdout === null ? undefined : createInterface({ input: this.#child.stdout });
    if (lines === undefined) throw new Error('the answers of the API server cannot be read');
    this.#answers = lines[Symbol.asyncIterator]();
  }

  async tell(command: Command): Promise<Json> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const answer = await this.answer();
    if (answer['ok'] !== true) throw new Error(`the API server answered ${JSON.stringify(answer)}`);
    return answer;
  }

  async answer(): Promise<Json> {
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the API server has ended');
    const answer: Json = JSON.parse(value);
    return answer;
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
