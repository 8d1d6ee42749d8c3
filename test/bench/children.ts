import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { runCommand } from '../../scripts/step.mts';
import type { Figures, Job } from './worker.ts';

/** Runs one job in a process of its own. @throws Error with what the process printed, when it failed. */
export type RunJob = <K extends keyof Figures>(
  job: Extract<Job, { readonly kind: K }>,
) => Promise<Figures[K]>;

/**
 * Bundles the worker as the program itself is bundled, so that memory and start are not those of a TypeScript loader, and hands
 * out what runs jobs in it. The directory that all this takes is gone at the end.
 */
export async function withWorker<T>(use: (run: RunJob) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'nodeplane-bench-'));
  try {
    const worker = join(directory, 'worker.mjs');
    await bundle(worker);
    return await use((job) => runJob(job, worker, join(directory, 'figures.json')));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'worker.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

async function runJob<K extends keyof Figures>(
  job: Extract<Job, { readonly kind: K }>,
  worker: string,
  file: string,
): Promise<Figures[K]> {
  await rm(file, { force: true });
  const [program, ...args] = [...namespace(job), process.execPath, '--expose-gc', worker];
  const argv = [program ?? '', ...args, JSON.stringify(job), file] as const;
  // No options of tsx: they would make every Node below start slowly.
  const { ok, output } = await runCommand({ argv, env: { NODE_OPTIONS: '' } });
  if (!ok) throw new Error(`${JSON.stringify(job)} failed:\n${output}`);
  const figures: Figures[K] = JSON.parse(await readFile(file, 'utf8'));
  return figures;
}

/**
 * A throw-away network namespace with a /run of its own (there lies the lock of iptables), a default route to a namespace that drops everything, and a PID
 * namespace by which everything ends with its first process. Its own address is one of a pod.
 */
const inNamespace = `
  mount -t tmpfs -o mode=755 tmpfs /run
  [ -L /var/run ] || mount --bind /run /var/run
  ip link set lo up
  ip netns add sink
  ip link add sink arp off type veth peer name void netns sink
  ip address add 10.128.0.1/32 dev sink
  ip -n sink link set void arp off up
  ip link set sink up
  ip route add default dev sink src 10.128.0.1
  exec "$@"`;

function namespace({ kind }: Job): readonly string[] {
  if (kind === 'walk' || kind === 'start') return [];
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return ['unshare', ...user, ...namespaces, 'sh', '-ec', inNamespace, 'sh'];
}
